"""What is said in media becomes captions: heard by a real engine, and by one that says what a test needs."""

import shutil
import subprocess
import sys
import wave

import numpy as np
import pytest

import vatt
from tests.embed.embedding_files import run
from tests.prepare.media_maker import make_media
from tests.toy_embedder import ToyEmbedder, colour, tone
from vatt.embed.files import Options
from vatt.search import index_cli, speech
from vatt.search.answer import Wanted, answer
from vatt.search.build import build_index
from vatt.search.index import Index
from vatt.search.query import text_query

RATE_HZ = 16_000


def spoken(folder, text):
    """int16 [S, 1], by a voice that is made of recordings."""
    if shutil.which("flite") is None:
        pytest.skip("needs flite, which apt has, to speak")
    path = folder / "spoken.wav"
    subprocess.run(["flite", "-voice", "rms", "-t", text, "-o", str(path)], check=True, timeout=60)
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels()) == (RATE_HZ, 1)
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)[:, None]


class Loud:
    """Hears "loud" in each block that is; fails, or is stopped, at the file of a number."""

    name = "loud 1"

    def __init__(self, fails_at=None, error=RuntimeError):
        self.files, self._fails_at, self._error = 0, fails_at, error

    def hear(self, blocks):
        self.files += 1
        at = 0.0
        for block in blocks:
            if self.files == self._fails_at:
                raise self._error("out of memory")
            if np.abs(block.astype(int)).max(initial=0) > 5_000:
                yield at, at + len(block) / RATE_HZ, "loud frogs"
            at += len(block) / RATE_HZ


@pytest.fixture
def media(tmp_path):
    """loud.mp4 and later.wav (tones), captioned.mp4 (a tone, captions), silent.mp4 (no audio)."""
    folder = tmp_path / "media"
    folder.mkdir()
    make_media(folder / "loud.mp4", pictures=colour("red", 12), sound=tone("red", 1.2))
    make_media(folder / "later.wav", sound=tone("blue", 0.8), audio_codec="pcm_s16le")
    make_media(folder / "captioned.mp4", pictures=colour("green", 8), sound=tone("green", 0.8))
    (folder / "captioned.srt").write_text("1\n00:00:00,000 --> 00:00:00,400\nquiet toads\n")
    make_media(folder / "silent.mp4", pictures=colour("blue", 8))
    return folder


def build(media, recogniser=None):
    """What an update of the index next to the media did."""
    index = media.parent / "index"
    return build_index(
        lambda path: ToyEmbedder(), "toy", media, index, Options(processes=1), recogniser=recogniser
    )


def heard_in(media):
    """Name -> captions that were heard."""
    files = Index(media.parent / "index").files
    return {file["path"]: file["captions"] for file in files if file["heard"]}


def test_a_spoken_sentence_is_found_where_it_is_said(tmp_path, monkeypatch, capsys):
    pytest.importorskip("pocketsphinx", reason="needs pocketsphinx, which .ci/peers installs")
    monkeypatch.setattr(vatt, "load", lambda path: ToyEmbedder())
    folder = tmp_path / "media"
    folder.mkdir()
    sentence = spoken(tmp_path, "the people of the united states")
    pause = np.random.default_rng(0).normal(0, 10, (2 * RATE_HZ, 1)).astype(np.int16)
    sound = np.concatenate([pause, sentence, pause])
    make_media(folder / "talk.mp4", pictures=colour("green", 10), sound=sound, sound_start=1.0)
    words = (folder, tmp_path / "index", "--model", "toy", "--processes", 1)
    assert run(index_cli, *words, "--transcribe", "pocketsphinx") == 0
    assert "Transcripts of 1 files without captions: 1 new, by pocketsphinx" in capsys.readouterr().err
    found = answer(Index(tmp_path / "index"), text_query(ToyEmbedder(), "united states"), Wanted(count=1))
    (hit,) = found.hits
    assert hit.caption == "the people of the united states" and hit.is_heard and hit.found_by == ("captions",)
    assert 2.6 < hit.start_seconds < 5.4
    assert run(index_cli, *words) == 0  # without the engine the transcript stays
    assert Index(tmp_path / "index").files[0]["heard"]


def test_captions_come_first_and_what_is_heard_is_marked(media, capsys):
    assert build(media, Loud()).unheard == {}
    assert heard_in(media) == {"later.wav": 1, "loud.mp4": 1}
    assert "Transcripts of 3 files without captions: 3 new, by loud 1; 1 of them without a word" in (
        capsys.readouterr().err
    )
    index = Index(media.parent / "index")
    marks = {
        hit.place.name: hit.is_heard
        for text in ("frogs", "toads")
        for hit in answer(index, text_query(ToyEmbedder(), text), Wanted(target="captions")).hits
    }
    assert marks == {"later.wav": True, "loud.mp4": True, "captioned.mp4": False}


def test_a_stopped_run_resumes_with_the_next_file(media):
    with pytest.raises(KeyboardInterrupt):
        build(media, Loud(fails_at=2, error=KeyboardInterrupt))
    again = Loud()
    build(media, again)
    assert again.files == 2 and set(heard_in(media)) == {"later.wav", "loud.mp4"}


def test_a_file_that_can_not_be_heard_is_listed_and_tried_again(media):
    summary = build(media, Loud(fails_at=1))
    assert summary.unheard == {"later.wav": "loud 1 failed: out of memory"}
    assert set(heard_in(media)) == {"loud.mp4"}
    again = Loud()
    assert build(media, again).unheard == {} and again.files == 1
    assert set(heard_in(media)) == {"later.wav", "loud.mp4"}


def test_a_transcript_belongs_to_content_and_engine(media):
    build(media, Loud())
    (media / "loud.mp4").rename(media / "moved.mp4")
    (media / "later.wav").unlink()
    again = Loud()
    build(media, again)
    assert again.files == 0 and set(heard_in(media)) == {"moved.mp4"}
    assert len(list((media.parent / "index" / "heard").iterdir())) == 2  # of moved.mp4 and silent.mp4
    (media.parent / "index" / "heard" / "notes.json").write_text("{")
    other = Loud()
    other.name = "loud 2"
    build(media, other)
    assert other.files == 2
    assert not (media.parent / "index" / "heard" / "notes.json").exists()


def test_long_speech_is_cut_where_it_is_quiet():
    draw = np.random.default_rng(0)
    samples = draw.integers(-9000, 9000, 650 * RATE_HZ, dtype=np.int16)
    samples[570 * RATE_HZ : 571 * RATE_HZ] = 0
    pieces = list(speech._pieces(np.array_split(samples, 30)))
    assert [start for start, _ in pieces] == [0.0, pytest.approx(570.5, abs=0.55)]
    np.testing.assert_array_equal(np.concatenate([piece for _, piece in pieces]), samples)


@pytest.mark.parametrize(
    "words, rule",
    [
        (("--speech_model", "model"), "is of `--transcribe ENGINE`"),
        (("--transcribe", "pocketsphinx", "--speech_model", "model"), "hears with the model of its package"),
        (("--transcribe", "pocketsphinx"), "pip install pocketsphinx"),
        (("--transcribe", "vosk"), "pip install vosk"),
        (("--transcribe", "faster-whisper"), "pip install faster-whisper"),
    ],
)
def test_what_is_missing_is_said(media, monkeypatch, words, rule):
    for name in ("pocketsphinx", "vosk", "faster_whisper"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValueError, match=rule):
        run(index_cli, media, media.parent / "index", "--model", "toy", *words)


def test_an_engine_needs_its_model(tmp_path):
    with pytest.raises(ValueError, match="vosk hears with a model that is given. Received: none"):
        speech._opened("vosk", None, lambda path: path)

    def fails(path):
        raise RuntimeError("no model.bin")

    with pytest.raises(ValueError, match="must be a model of vosk. Received: .*: no model.bin"):
        speech._opened("vosk", tmp_path, fails)
