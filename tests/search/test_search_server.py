import contextlib
import io
import json
import os
import shutil

import av
import pytest
from werkzeug.test import Client

from tests.prepare.media_maker import make_media
from tests.toy_embedder import ToyEmbedder, colour, tone
from vatt.embed.files import Options
from vatt.search import server as search_server
from vatt.search.access import Access, host_names
from vatt.search.build import build_index
from vatt.search.index import Index
from vatt.search.layout import BadIndexError
from vatt.search.server import SearchServer

HOSTS = frozenset({"127.0.0.1:8765", "localhost:8765"})
HERE = {"base_url": "http://127.0.0.1:8765"}
MAX_BYTES = 300_000
FORGED_HOSTS = (
    "evil.example", "evil.example:80", "127.0.0.1.evil.example", "127.0.0.1:8765", "127.0.0.2", "0.0.0.0",
    "127.1", "2130706433", "localhost.", "localhost.evil.example", "127.0.0.1@evil.example", "[::]",
    "127.0.0.1,evil.example",
    "127.0.0.1:80:80", "[::1", "[::ffff:127.0.0.1]", "", " 127.0.0.1", "127.0.0.1:080",
)  # fmt: skip


def server_of(directory):
    return SearchServer(Index(directory), ToyEmbedder(), access=Access(HOSTS), max_upload_bytes=MAX_BYTES)


@contextlib.contextmanager
def client_of(directory):
    server = server_of(directory)
    try:
        yield Client(server)
    finally:
        server.close()


@pytest.fixture(scope="module")
def client(made):
    with client_of(made / "index") as client:
        yield client


@pytest.fixture
def place(made, tmp_path):
    """A copy whose files may be changed."""
    shutil.copytree(made / "media", tmp_path / "media")
    build_index(
        lambda path: ToyEmbedder(), "toy", tmp_path / "media", tmp_path / "index", Options(processes=1)
    )
    return tmp_path


def asked(client, **form):
    return client.post("/search", data=form, **HERE)


def number_of(made, name):
    return [file["path"] for file in Index(made / "index").files].index(name)


def test_the_page_loads_nothing_from_elsewhere(client):
    response = client.get("/", **HERE)
    text, policy = response.text, response.headers["Content-Security-Policy"]
    nonce = policy.split("script-src 'nonce-")[1].split("'")[0]
    assert response.status_code == 200 and text.count(f'nonce="{nonce}"') == 2
    assert policy.startswith("default-src 'none'") and "http" not in policy
    assert "//" not in text.replace("// What the browser", "") and "innerHTML" not in text
    assert client.get("/", **HERE).headers["Content-Security-Policy"] != policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_words(client):
    answer = asked(client, text="something red", count="2", windows="on").json
    assert [hit["file"] for hit in answer["hits"]] == ["red.mp4"] * 2
    hit = answer["hits"][1]
    assert (hit["start_seconds"], hit["end_seconds"]) == (0.4, 0.8)
    assert (hit["whole"], hit["window"]) == ("/file/2", "/window/4.mp4")
    assert answer["found_by"] == "video"
    unknown, without = answer["notes"]
    assert "does not know the words something" in unknown and "were not searched" in without


@pytest.mark.parametrize(
    "modality, by, first", [("video", "video", "green.avi"), ("audio", "audio", "blue.wav")]
)
def test_a_file(client, tmp_path, modality, by, first):
    film = make_media(tmp_path / "a.mkv", pictures=colour("green", 4), sound=tone("blue", 0.4))
    upload = (io.BytesIO(film.read_bytes()), "../../holiday.mkv")
    answer = asked(client, file=upload, modality=modality, by=by, one_per_file="on").json
    assert answer["hits"][0]["file"] == first and answer["asked"] == "holiday.mkv"
    assert len({hit["file"] for hit in answer["hits"]}) == len(answer["hits"])


def test_nothing_of_a_file_stays(client, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    film = make_media(tmp_path / "a.mkv", pictures=colour("green", 4))
    asked(client, file=(io.BytesIO(film.read_bytes()), "a.mkv"))
    assert asked(client, file=(io.BytesIO(b"no film"), "b.mkv")).status_code == 400
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]


@pytest.mark.parametrize(
    "form, status, rule",
    [
        ({"text": ""}, 400, "A sentence must have a word"),
        ({"text": "кошка"}, 400, "at least one of the 3 words"),
        ({"text": "red", "by": "smell"}, 400, "A search is by"),
        ({"text": "red", "colour": "red"}, 400, "Received: colour"),
        ({"text": ["red", "blue"]}, 400, "Received: text twice"),
        ({"text": "red", "modality": "audio"}, 400, "`modality` is of a file"),
        ({"text": "red", "file": (b"no film", "a.mp4")}, 400, "by a text or by a file"),
        ({"text": "red", "count": "-1"}, 400, "`count` of 1 to"),
        ({"text": "red", "count": "1000"}, 400, "`count` of 1 to"),
        ({"text": "red", "count": "0"}, 400, "`count` of 1 to"),
        ({"text": "red", "count": "9" * 5000}, 400, "`count` of 1 to"),
        ({"text": "red", "count": "１０"}, 400, "`count` of 1 to"),
        ({"text": "red", "count": "²"}, 400, "`count` of 1 to"),
        ({"text": "red", "count": "NaN"}, 400, "`count` of 1 to"),
        ({"text": "red", "count": "inf"}, 400, "`count` of 1 to"),
        ({"text": "red", "count": "1e1"}, 400, "`count` of 1 to"),
        ({"text": "red", "count": "5.0"}, 400, "`count` of 1 to"),
        ({"text": "red", "count": " 5"}, 400, "`count` of 1 to"),
        ({"text": "red", "count": "1_0"}, 400, "`count` of 1 to"),
        ({"text": "red", "count": "5\n"}, 400, "`count` of 1 to"),
        ({"text": "red", "count": ""}, 400, "`count` of 1 to"),
        ({"file": (b"MZ", "virus.exe")}, 415, "must be a video, an audio file or an image"),
        ({"file": (b"#!/bin/sh", "film.mp4.sh")}, 415, "must be a video, an audio file or an image"),
        ({"file": (b"no film", "a.mp4")}, 400, "a.mp4: can not be opened as media"),
        ({"file": (b"", "a.mp4")}, 400, "the file is empty"),
        ({"file": (b"no film", "a.mp4"), "modality": "smell"}, 400, "`modality` must be"),
        ({"file": (b"a" * (MAX_BYTES + 1), "a.mp4")}, 413, "larger than this server takes"),
        ({"file": (b"a" * 10 * MAX_BYTES, "a.mp4")}, 413, "larger than this server takes"),
        ({"text": "red " * 60_000}, 413, "larger than this server takes"),
    ],
)
def test_bad_queries(client, form, status, rule):
    if "file" in form:
        content, name = form["file"]
        form = form | {"file": (io.BytesIO(content), name)}
    response = asked(client, **form)
    assert response.status_code == status and rule in response.json["error"]


def test_fields_elsewhere_are_refused(client):
    response = client.post("/search?count=3", data={"text": "red"}, **HERE)
    assert response.status_code == 400 and "Received: some in the address" in response.json["error"]
    upload = {"text": "red", "image": (io.BytesIO(b"no image"), "a.png")}
    response = client.post("/search", data=upload, **HERE)
    assert response.status_code == 400 and "Received: the file image" in response.json["error"]
    response = client.post("/search", data=b"red", content_type="multipart/form-data", **HERE)
    assert response.status_code == 400 and "must state its boundary" in response.json["error"]
    chunked = {"input_stream": io.BytesIO(b"text=red"), "headers": {"Transfer-Encoding": "chunked"}}
    response = client.post("/search", content_type="application/x-www-form-urlencoded", **chunked, **HERE)
    assert response.status_code == 411 and "must state its Content-Length" in response.json["error"]
    response = client.post("/search", data=b"red", content_type="text/plain", **HERE)
    assert response.status_code == 415 and "JSON or a form. Received: text/plain" in response.json["error"]


def test_ranges_of_a_file(made, client):
    content = (made / "media" / "red.mp4").read_bytes()
    address = f"/file/{number_of(made, 'red.mp4')}"
    whole = client.get(address, **HERE)
    assert (whole.status_code, whole.data, whole.mimetype) == (200, content, "video/mp4")
    assert whole.headers["Accept-Ranges"] == "bytes"
    part = client.get(address, headers={"Range": "bytes=10-19"}, **HERE)
    assert (part.status_code, part.data) == (206, content[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(content)}"
    tail = client.get(address, headers={"Range": "bytes=-5"}, **HERE)
    assert (tail.status_code, tail.data) == (206, content[-5:])
    beyond = client.get(address, headers={"Range": f"bytes={len(content)}-"}, **HERE)
    assert beyond.status_code == 416
    fresh = client.get(address, headers={"If-None-Match": whole.headers["ETag"]}, **HERE)
    assert fresh.status_code == 304
    assert client.head(address, **HERE).headers["Content-Length"] == str(len(content))


def test_windows_of_what_no_browser_plays(made, client):
    green = number_of(made, "green.avi")
    assert client.get(f"/file/{green}", **HERE).status_code == 415
    response = client.get("/window/2.mp4", headers={"Range": "bytes=0-99999999"}, **HERE)
    assert response.mimetype == "video/mp4"
    with av.open(io.BytesIO(response.data)) as film:
        frames = [frame.to_ndarray(format="rgb24").mean(axis=(0, 1)) for frame in film.decode(video=0)]
        assert film.streams.video[0].codec.canonical_name == "h264"
    assert len(frames) == 4 and all(frame.argmax() == 1 for frame in frames)
    with av.open(io.BytesIO(client.get("/window/4.mp4", **HERE).data)) as film:
        assert {stream.type for stream in film.streams} == {"video", "audio"}
    with av.open(io.BytesIO(client.get("/window/0.mp4", **HERE).data)) as sound:
        assert [stream.type for stream in sound.streams] == ["audio"]
        seconds = sum(frame.samples for frame in sound.decode(audio=0)) / 48_000
    assert seconds == pytest.approx(0.4, abs=0.05)


def test_pictures(client):
    response = client.get("/thumbnail/2.jpg", **HERE)
    assert response.mimetype == "image/jpeg" and response.data.startswith(b"\xff\xd8")
    assert client.get("/thumbnail/0.jpg", **HERE).status_code == 404  # audio alone


@pytest.mark.parametrize(
    "address",
    [
        "/file/99", "/file/-1", "/file/../index.json", "/file/..%2f..%2findex%2findex.json", "/window/99.mp4",
        "/file/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2f..%2fetc/passwd", "//etc/passwd", "/file//etc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/file/0%00.mp4", "/file/..%5c..%5cindex.json", "/media/red.mp4",
        f"/file/{'9' * 5000}", f"/thumbnail/{'9' * 5000}.jpg", "/file/%EF%BC%92", "/file/2.0", "/file/1e0",
        "/file/..%252f..%252findex.json", "/thumbnail/%2e%2e%2f2.jpg", "/index/index.json", "/page.js",
    ],
)  # fmt: skip
def test_no_path_leads_out(client, address):
    response = client.get(address, **HERE)
    assert response.status_code == 404 and set(response.json) == {"error"}


def test_a_file_that_changed_is_not_served(place):
    red = number_of(place, "red.mp4")
    with client_of(place / "index") as client:
        assert client.get(f"/file/{red}", **HERE).status_code == 200
        (place / "media" / "red.mp4").write_bytes(b"something else")
        for address in (f"/file/{red}", "/window/3.mp4", "/thumbnail/3.jpg"):
            assert client.get(address, **HERE).status_code == 404
        (place / "media" / "red.mp4").unlink()
        assert "gone or has changed" in client.get(f"/file/{red}", **HERE).json["error"]


@pytest.mark.parametrize("trick", ["link", "linked folder", "pipe", "index"])
def test_a_file_that_was_exchanged_for_a_way_out_is_not_served(place, trick):
    """With the size and the time of the one that was indexed, so that nothing else gives it away."""
    red, secret = place / "media" / "red.mp4", place / "secret.mp4"
    state = red.stat()
    shutil.copyfile(red, secret)
    os.utime(secret, ns=(state.st_mtime_ns, state.st_mtime_ns))
    number = number_of(place, "red.mp4")
    if trick == "link":
        red.unlink()
        red.symlink_to(secret)
    elif trick == "linked folder":
        (place / "elsewhere").mkdir()
        shutil.move(secret, place / "elsewhere" / "red.mp4")
        shutil.move(place / "media", place / "moved")
        (place / "media").mkdir()
        (place / "media" / "sub").symlink_to(place / "elsewhere")
    elif trick == "pipe":
        red.unlink()
        os.mkfifo(red)
    facts = json.loads((place / "index" / "index.json").read_text())
    if trick in ("index", "linked folder"):  # an index that somebody else has written
        facts["files"][number]["path"] = "../secret.mp4" if trick == "index" else "sub/red.mp4"
        (place / "index" / "index.json").write_text(json.dumps(facts))
    with client_of(place / "index") as client:
        for address in (f"/file/{number}", "/window/3.mp4", "/thumbnail/3.jpg"):
            response = client.get(address, **HERE)
            assert response.status_code == 404 and "gone or has changed" in response.json["error"]


def test_what_was_made_of_a_file_that_was_exchanged_meanwhile_is_not_shown(place, monkeypatch):
    secret = place / "secret.mp4"
    secret.write_bytes(b"another")

    def made_of_another(*_):
        (place / "media" / "red.mp4").unlink()
        (place / "media" / "red.mp4").symlink_to(secret)
        return secret.read_bytes()

    monkeypatch.setattr(search_server, "as_mp4", made_of_another)
    with client_of(place / "index") as client:
        response = client.get("/window/3.mp4", **HERE)
    assert response.status_code == 404 and "gone or has changed" in response.json["error"]


@pytest.mark.parametrize(
    "wanted", ["bytes=0-" + "9" * 5000, "bytes=" + "9" * 5000 + "-", "bytes=５-６", "bytes=-"]
)
def test_odd_ranges_are_no_fault_of_the_server(made, client, wanted):
    response = client.get(
        f"/file/{number_of(made, 'red.mp4')}", headers={"Range": wanted.encode().decode("latin-1")}, **HERE
    )
    assert response.status_code in (200, 206, 416)


@pytest.mark.parametrize(
    "headers, base_url",
    [
        ({}, "http://evil.example:8765"),  # its name was made to lead here
        ({}, "http://127.0.0.1:80"),
        ({"Origin": "http://evil.example"}, HERE["base_url"]),
        ({"Origin": "null"}, HERE["base_url"]),
        ({"Sec-Fetch-Site": "cross-site"}, HERE["base_url"]),
    ],
)
def test_pages_of_others_are_refused(client, headers, base_url):
    for answer in (
        client.get("/file/2", headers=headers, base_url=base_url),
        client.post("/search", data={"text": "red"}, headers=headers, base_url=base_url),
    ):
        assert answer.status_code == 403


def test_other_methods_are_refused(client):
    assert client.post("/file/2", **HERE).status_code == 405
    assert client.delete("/search", **HERE).status_code == 405
    assert client.get("/search", **HERE).status_code == 405


def test_another_model_is_refused(made):
    with pytest.raises(BadIndexError, match="must be searched with the model"):
        SearchServer(
            Index(made / "index"), ToyEmbedder(fingerprint="x"), access=Access(HOSTS), max_upload_bytes=1
        )


def test_the_default_port_stands_in_no_name():
    names = {"127.0.0.1", "::1", "LocalHost"}
    assert host_names(names, 80) == {"127.0.0.1", "[::1]", "localhost"}
    assert host_names(names, 8080) == {"127.0.0.1:8080", "[::1]:8080", "localhost:8080"}


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:80", "localhost", "LOCALHOST:80", "[::1]", "[::1]:80"]
)
def test_port_80(made, host):
    access = Access(host_names({"127.0.0.1", "::1", "localhost"}, 80))
    server = SearchServer(Index(made / "index"), ToyEmbedder(), access=access, max_upload_bytes=MAX_BYTES)
    try:
        client = Client(server)
        for headers in ({}, {"Origin": f"http://{host.lower()}"}):
            headers = {"Host": host, **headers}
            assert client.post("/search", data={"text": "red"}, headers=headers).status_code == 200
            assert client.get("/file/2", headers=headers).status_code == 200
        for forged in FORGED_HOSTS:
            answer = client.get("/file/2", headers={"Host": forged})
            assert answer.status_code == 403, forged
        for origin in (
            "https://127.0.0.1",
            "http://127.0.0.1:8080",
            "null",
            "",
            "http://[::1",
            "//127.0.0.1",
        ):
            answer = client.post("/search", data={"text": "red"}, headers={"Host": host, "Origin": origin})
            assert answer.status_code == 403, origin
    finally:
        server.close()


def test_a_fault_of_ours_is_answered_and_told(made, monkeypatch, capsys):
    def broken(*_, **__):
        raise RuntimeError("a defect \x1b[31m")

    monkeypatch.setattr(search_server, "answer", broken)
    with client_of(made / "index") as client:
        answer = asked(client, text="red")
    assert answer.status_code == 500 and "terminal says what" in answer.json["error"]
    error = capsys.readouterr().err
    assert "RuntimeError: a defect \\u001b[31m" in error and "\x1b" not in error
