"""The page of `vatt serve` and the gallery, in a real browser: typed in, dropped on, played, looked at."""

import base64
import io
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vatt
from tests.chromium import find_browser
from tests.embed.embedding_files import parsed, run
from tests.prepare.media_maker import make_media
from tests.search.browser import Browser
from tests.toy_embedder import ToyEmbedder, colour, tone
from vatt.search import cli, index_cli, serve_cli

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_browser() is None, reason="no Chromium: install one (`apt-get install chromium`)"
    ),
]
# Where screenshots go for people to look at; a folder of the test otherwise.
SHOTS = os.environ.get("VATT_SCREENSHOTS")
DROP = """
(() => {
  const bytes = Uint8Array.from(atob("%s"), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], "dropped.mkv", { type: "video/x-matroska" }));
  document.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
})()
"""
# Plays a clip and tells where it was when it went on by itself, and how wide its images are.
PLAY = """
new Promise((resolve) => {
  const media = document.querySelectorAll(".hit video, .hit audio")[%d];
  media.muted = true;
  media.addEventListener("timeupdate", () => {
    if (media.currentTime > %f) resolve([media.currentTime, media.videoWidth || 0, media.currentSrc]);
  });
  setTimeout(() => resolve(["nothing plays", media.error && media.error.message]), 30000);
  media.play().catch(() => {});
})
"""
HITS = "[...document.querySelectorAll('.hit .name')].map((name) => name.textContent)"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Videos that a browser plays and one that it does not, audio, and their index."""
    folder = tmp_path_factory.mktemp("browser")
    media = folder / "media"
    media.mkdir()
    make_media(
        media / "red.mp4",
        pictures=np.concatenate([colour("blue", 20, 64), colour("red", 20, 64)]),
        sound=tone("red", 4.0),
        video_codec="libx264",
    )
    make_media(media / "green & <odd>.avi", pictures=colour("green", 8, 64), sound=tone("green", 0.8))
    make_media(media / "blue.wav", sound=tone("blue", 0.8), audio_codec="pcm_s16le")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vatt, "load", lambda path: ToyEmbedder())
        run(index_cli, media, folder / "index", "--model", "toy", "--processes", 1)
        server = serve_cli.start(parsed(serve_cli, folder / "index", "--port", 0))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.port}/"
    server.shutdown()
    server.server_close()
    server.app.close()
    thread.join()


@pytest.fixture(scope="module")
def browser():
    with Browser() as browser:
        yield browser


@pytest.fixture
def shots(tmp_path):
    folder = Path(SHOTS) if SHOTS else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def search(browser, words):
    browser.evaluate("document.getElementById('text').value = ''; document.getElementById('text').focus()")
    browser.type(words)
    browser.wait("!document.getElementById('go').disabled && !said.textContent.startsWith('Searching')")


def test_type_a_sentence_and_see_the_clips_play(place, browser):
    _, address = place
    browser.open(address)
    search(browser, "something red")
    names = browser.evaluate(HITS)
    assert names[0] == "red.mp4" and "green & <odd>.avi" in names
    times = browser.evaluate("document.querySelector('.hit .times').textContent")
    assert times == "0:02.0 to 0:04.0"  # the scene after the cut, whole
    # The first hit begins in the middle of its file: only with ranges can a browser go there.
    at, width, source = browser.evaluate(PLAY % (0, 2.0))
    assert 2.0 < at < 2.8 and width == 64 and "/file/" in source
    assert browser.errors == []


def test_what_no_browser_plays_is_played_all_the_same(place, browser):
    _, address = place
    browser.open(address)
    search(browser, "green")
    assert browser.evaluate(HITS)[0] == "green & <odd>.avi"
    at, width, source = browser.evaluate(PLAY % (0, 0.05))
    assert at > 0.05 and width == 64 and "/window/" in source


def test_drop_a_film_and_look_for_its_sound(place, browser, tmp_path):
    _, address = place
    film = make_media(tmp_path / "a.mkv", pictures=colour("green", 8), sound=tone("blue", 0.8))
    browser.open(address)
    browser.evaluate(DROP % base64.b64encode(film.read_bytes()).decode())
    browser.wait("document.querySelector('.hit')")
    assert browser.evaluate(HITS)[0] == "green & <odd>.avi"
    assert "the video of “dropped.mkv”" in browser.evaluate("said.textContent")
    browser.evaluate("by('modality').value = 'audio'; by('by').value = 'audio';"
                "by('by').dispatchEvent(new Event('change'))")  # fmt: skip
    browser.wait("said.textContent.includes('the audio of')")
    assert browser.evaluate(HITS)[0] == "blue.wav"
    at, _, source = browser.evaluate(PLAY % (0, 0.05))
    assert at > 0.05 and "/file/" in source


def test_faults_are_told(place, browser):
    _, address = place
    browser.open(address)
    search(browser, "кошка")
    assert "at least one of the 3 words" in browser.evaluate("said.textContent")
    assert browser.evaluate("said.className") == "wrong" and browser.evaluate(HITS) == []
    browser.errors.clear()  # the browser lists an answer of status 400 among them


def test_nothing_is_asked_of_anybody_else(place, browser):
    _, address = place
    asked = [request for request in browser.requests if request != "about:blank"]
    assert asked and all(request.startswith((address, "data:", "file:")) for request in asked)


@pytest.mark.parametrize("width, scheme", [(1200, "light"), (1200, "dark"), (390, "light"), (390, "dark")])
def test_what_it_looks_like(place, browser, shots, width, scheme):
    _, address = place
    browser.open(address, width=width, scheme=scheme)
    search(browser, "something red")
    browser.wait("[...document.querySelectorAll('video')].length")
    look_at(browser, shots / f"serve-{width}-{scheme}.png", width, scheme)


@pytest.mark.parametrize("width, scheme", [(1200, "light"), (390, "dark")])
def test_the_gallery_looks_the_same_everywhere(place, browser, shots, tmp_path, monkeypatch, width, scheme):
    folder, _ = place
    monkeypatch.setattr(vatt, "load", lambda path: ToyEmbedder())
    page = tmp_path / "gallery.html"
    run(cli, folder / "index", "something red", "--html", page)
    browser.requests.clear()
    browser.open(f"file://{page}", width=width, scheme=scheme)
    assert browser.evaluate("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
    assert all(request.startswith(("file:", "data:")) for request in browser.requests)
    look_at(browser, shots / f"gallery-{width}-{scheme}.png", width, scheme)


def look_at(browser, path, width, scheme):
    """Nothing sticks out, what is written can be read, and the page is light or dark as it should be."""
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    small = "[...document.querySelectorAll('button, input[type=search], select')].filter((each) => "
    assert browser.evaluate(f"{small}each.getBoundingClientRect().height < 36).length") == 0
    browser.screenshot(path)
    corner = np.asarray(Image.open(io.BytesIO(path.read_bytes())).convert("L"))[2, 2]
    assert corner > 200 if scheme == "light" else corner < 60
