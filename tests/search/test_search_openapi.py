"""The description of the API: others' validator accepts it, and a client that others' generator makes of it
searches a real server."""

import importlib
import json
import subprocess
import sys
import threading

import pytest

from tests.prepare.media_maker import make_media
from tests.toy_embedder import ToyEmbedder, colour
from vatt.search.access import Access, host_names
from vatt.search.connections import Pace, PacedServer
from vatt.search.index import Index
from vatt.search.openapi import description
from vatt.search.server import SearchServer

SECRET = "0123456789abcdef"
# The generator knows bytes of one type, and forgets an import where a body has two.
CONFIG = {
    "content_type_overrides": dict.fromkeys(("video/mp4", "image/jpeg", "*/*"), "application/octet-stream"),
    "post_hooks": ['sed -i "s/import Response, UNSET/import Response, UNSET, Unset/" api/default/search.py'],
}


def test_the_description_is_valid():
    validator = pytest.importorskip(
        "openapi_spec_validator", reason="needs openapi-spec-validator, which .ci/peers installs"
    )
    validator.validate(description())
    wrong = description()
    wrong["paths"]["/search"]["post"]["responses"]["200"].pop("description")
    (problem,) = validator.OpenAPIV31SpecValidator(wrong).iter_errors()
    assert problem.message == "'description' is a required property"


@pytest.fixture(scope="module")
def address(made):
    """Of a server that wants a token."""
    server = PacedServer("127.0.0.1", 0, Pace())
    server.app = SearchServer(
        Index(made / "index"),
        ToyEmbedder(),
        access=Access(host_names({"127.0.0.1"}, server.port), SECRET),
        max_upload_bytes=500_000,
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    server.server_close()
    server.app.close()
    thread.join()


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """client(name): a module of the generated package."""
    pytest.importorskip(
        "openapi_python_client", reason="needs openapi-python-client, which .ci/peers installs"
    )
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_text(json.dumps(description()))
    (folder / "config.json").write_text(json.dumps(CONFIG))
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning"]
    command += ["--path", "openapi.json", "--config", "config.json", "--meta", "none"]
    made = subprocess.run(
        [*command, "--output-path", "search_client"], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(folder))
    yield lambda name: importlib.import_module(f"search_client.{name}")
    sys.path.remove(str(folder))


@pytest.fixture
def asking(address, client):
    return client("client").AuthenticatedClient(base_url=address, token=SECRET)


def test_a_generated_client_searches_by_text(asking, client):
    search, models = client("api.default.search"), client("models")
    body = models.SearchJsonBody(
        text="red", count=2, one_per_file=True, by=models.SearchJsonBodyBy.VIDEO, windows=False
    )
    answer = search.sync(client=asking, body=body)
    assert isinstance(answer, models.Answer) and answer.modality == models.AnswerModality.TEXT
    hit = answer.hits[0]
    assert hit.file == "red.mp4" and hit.end_seconds > hit.start_seconds and 0.9 < hit.score <= 1
    assert hit.probability is None and not hit.is_heard and hit.found_by == [models.HitFoundByItem.VIDEO]


def test_it_uploads_a_file(asking, client, tmp_path):
    film = make_media(tmp_path / "a.mkv", pictures=colour("green", 4))
    models, types = client("models"), client("types")
    with film.open("rb") as opened:
        body = models.SearchFilesBody(
            file=types.File(payload=opened, file_name="a.mkv", mime_type="video/x-matroska"),
            modality=models.SearchFilesBodyModality.VIDEO,
            count=1,
        )
        answer = client("api.default.search").sync(client=asking, body=body)
    assert isinstance(answer, models.Answer), answer
    assert [hit.file for hit in answer.hits] == ["green.avi"] and answer.asked == "a.mkv"


def test_it_understands_errors(asking, address, client):
    search, models = client("api.default.search"), client("models")
    body = models.SearchJsonBody(text="red", count=61)
    error = search.sync(client=asking, body=body)
    assert isinstance(error, models.Error) and "`count` of 1 to 60. Received: 61" in error.error
    stranger = client("client").AuthenticatedClient(base_url=address, token="wrong" * 4)
    refused = search.sync_detailed(client=stranger, body=models.SearchJsonBody(text="red"))
    assert refused.status_code == 401 and isinstance(refused.parsed, models.Error)


def test_it_reads_media_and_state(asking, client, made):
    def got(name, *arguments):
        answer = client(f"api.default.{name}").sync_detailed(*arguments, client=asking)
        assert answer.status_code == 200
        return answer.parsed

    number = [file["path"] for file in Index(made / "index").files].index("red.mp4")
    assert got("file", number).payload.read() == (made / "media" / "red.mp4").read_bytes()
    assert got("window", 2).payload.read()[4:8] == b"ftyp"
    assert got("thumbnail", 2).payload.read().startswith(b"\xff\xd8")
    assert got("health").additional_properties["status"] == "ok"
    assert "vatt_index_windows" in got("metrics")
