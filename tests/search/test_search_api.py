"""The addresses for programs: what is described is what is answered."""

import io

import jsonschema
import pytest
from werkzeug.test import Client

import vatt
from tests.prepare.media_maker import make_media
from tests.toy_embedder import ToyEmbedder, colour
from vatt.search.access import Access
from vatt.search.index import Index
from vatt.search.server import SearchServer

HERE = {"base_url": "http://127.0.0.1:8765"}
HOSTS = frozenset({"127.0.0.1:8765"})
SECRET = "0123456789abcdef"


@pytest.fixture(scope="module")
def api(made):
    server = SearchServer(
        Index(made / "index"), ToyEmbedder(), access=Access(HOSTS, SECRET), max_upload_bytes=300_000
    )
    yield Client(server)
    server.close()


def headers(token=SECRET):
    return {"Authorization": f"Bearer {token}"}


def schema_of(description, name):
    return {"$ref": f"#/components/schemas/{name}", "components": description["components"]}


def test_every_answer_is_as_described(api, tmp_path):
    description = api.get("/openapi.json", headers=headers(), **HERE).json
    assert description["openapi"].startswith("3.1") and description["info"]["version"] == vatt.__version__
    fields = {"text": "red", "count": 3, "one_per_file": True, "windows": False, "by": "video"}
    content = description["paths"]["/search"]["post"]["requestBody"]["content"]
    jsonschema.validate(fields, content["application/json"]["schema"])
    answer = api.post("/search", json=fields, headers=headers(), **HERE)
    assert answer.status_code == 200 and answer.json["hits"][0]["file"] == "red.mp4"
    jsonschema.validate(answer.json, schema_of(description, "Answer"))
    film = make_media(tmp_path / "a.mkv", pictures=colour("green", 4))
    upload = {"file": (io.BytesIO(film.read_bytes()), "a.mkv"), "modality": "video"}
    assert set(upload) <= set(content["multipart/form-data"]["schema"]["properties"])
    answer = api.post("/search", data=upload, headers=headers(), **HERE)
    jsonschema.validate(answer.json, schema_of(description, "Answer"))
    for bad in (
        {"text": "red", "count": 0},
        {"text": 1},
        {"txt": "red"},
        ["red"],
        {"text": "red", "at_least": 2},
    ):
        answer = api.post("/search", json=bad, headers=headers(), **HERE)
        assert answer.status_code == 400
        jsonschema.validate(answer.json, schema_of(description, "Error"))


def test_every_address_is_described(api):
    description = api.get("/openapi.json", headers=headers(), **HERE).json
    app = api.application
    known = {str(rule).replace("<number:", "{").replace(">", "}") for rule in app._addresses.iter_rules()}
    assert set(description["paths"]) == known - {"/", "/openapi.json"}
    for address, verbs in description["paths"].items():
        for verb, operation in verbs.items():
            asked = {"json": {"text": "red"}} if verb == "post" else {}
            here = address.replace("{row}", "2").replace("{number}", "2")
            answer = api.open(here, method=verb.upper(), headers=headers(), **asked, **HERE)
            assert answer.status_code == 200
            (kind,) = operation["responses"]["200"]["content"]
            assert kind == "*/*" or answer.mimetype == kind


@pytest.mark.parametrize(
    "fields, rule",
    [
        ({"text": "red", "count": True}, "`count` of 1 to"),
        ({"text": "red", "count": 2.0}, "`count` of 1 to"),
        ({"text": "red", "one_per_file": "perhaps"}, "`one_per_file` must be true or false"),
        ({"text": "red", "at_least": "NaN"}, "`at_least` must be a probability"),
        ({"text": "red", "at_least": True}, "`at_least` must be a probability"),
        ({"text": "red", "at_least": 0.5}, "needs a calibration"),
        ({"text": ["red"]}, "`text` must be a text"),
        ({"text": "red", "colour": "red"}, "A search has the fields"),
        ({}, "A sentence must have a word"),
    ],
)
def test_wrong_fields(api, fields, rule):
    answer = api.post("/search", json=fields, headers=headers(), **HERE)
    assert answer.status_code == 400 and rule in answer.json["error"]


def test_no_json_is_said(api):
    kind = {"Content-Type": "application/json", **headers()}
    assert api.post("/search", data=b"{", headers=kind, **HERE).status_code == 400


def test_without_the_token_nothing_but_health_is_answered(api):
    for given in ({}, headers("wrong-token-0000"), headers(""), headers(SECRET[:-1]), headers("ö" * 16)):
        for address in ("/", "/file/2", "/thumbnail/2.jpg", "/metrics", "/openapi.json"):
            assert api.get(address, headers=given, **HERE).status_code == 401
        assert api.post("/search", json={"text": "red"}, headers=given, **HERE).status_code == 401
        assert api.get("/health", headers=given, **HERE).json["status"] == "ok"


def test_a_browser_keeps_the_token_of_the_link(made):
    server = SearchServer(
        Index(made / "index"), ToyEmbedder(), access=Access(HOSTS, SECRET), max_upload_bytes=300_000
    )
    try:
        browser = Client(server)
        assert browser.get("/?token=wrong", **HERE).status_code == 401
        opened = browser.get(f"/?token={SECRET}", **HERE)
        assert opened.status_code == 303 and SECRET not in opened.headers["Location"]
        assert (
            "HttpOnly" in opened.headers["Set-Cookie"] and "SameSite=Strict" in opened.headers["Set-Cookie"]
        )
        assert browser.get("/", **HERE).status_code == 200
        assert browser.post("/search", data={"text": "red"}, **HERE).status_code == 200
        foreign = browser.get(f"/?token={SECRET}", headers={"Origin": "http://evil.example"}, **HERE)
        assert foreign.status_code == 403 and "Set-Cookie" not in foreign.headers
    finally:
        server.close()


def test_requests_are_counted(made):
    server = SearchServer(
        Index(made / "index"), ToyEmbedder(), access=Access(HOSTS), max_upload_bytes=300_000
    )
    try:
        client = Client(server)
        client.post("/search", json={"text": "red"}, **HERE)
        client.get("/nowhere", **HERE)
        text = client.get("/metrics", **HERE).text
    finally:
        server.close()
    assert 'vatt_requests_total{address="answer",status="200"} 1.0' in text
    assert 'vatt_requests_total{address="none",status="404"} 1.0' in text
    assert f"vatt_index_windows {float(Index(made / 'index').rows)}" in text
    assert 'vatt_request_seconds_count{address="answer"} 1.0' in text


def test_open_index(made, monkeypatch):
    monkeypatch.setattr(vatt, "load", lambda path: ToyEmbedder())
    opened = vatt.open_index(made / "index")
    assert opened.search("red").hits[0].place.name == "red.mp4"
    assert opened.search(video=made / "media" / "green.avi").hits[0].place.name == "green.avi"
    with pytest.raises(ValueError, match="Received: 2 of the three"):
        opened.search("red", audio="a.wav")
