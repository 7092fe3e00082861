"""Media, index and model in an object store."""

import contextlib
import csv
import io

from werkzeug.test import Client

import vatt
from tests.embed.embedding_files import make_folder
from tests.toy_embedder import ToyEmbedder
from vatt import cli, mirror, places
from vatt.json_file import parse_json
from vatt.search.index import Index
from vatt.search.server import SearchServer


def _serves(index, media):
    """What is found, and why it can not be seen."""
    with mirror.here(index) as here:
        server = SearchServer(Index(here), ToyEmbedder(), hosts=frozenset({"here"}), max_upload_bytes=1)
        with contextlib.closing(server):
            client, base = Client(server), {"base_url": "http://here"}
            assert f"{media}) are found and not shown" in client.get("/", **base).text
            found = client.post("/search", data={"text": "something red", "count": "1"}, **base).json["hits"]
            assert [hit["file"] for hit in found] == ["red.mp4"]
            for address in (found[0]["thumbnail"], found[0]["whole"], found[0]["window"]):
                answer = client.get(address, **base)
                assert answer.status_code == 404 and "copy them to a folder" in answer.json["error"]


def test_media_in_a_store_are_indexed_into_it_and_searched(bucket, tmp_path, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(vatt, "load", lambda path: asked.append(path) or ToyEmbedder())
    mirror.Mirror(f"{bucket}/media", make_folder(tmp_path / "media")).push()
    index = f"{bucket}/index"
    for counts in ("3 new, 0 as before", "0 new, 3 as before"):
        words = ["index", f"{bucket}/media", index, "--model", f"{bucket}/run", "--processes", "1"]
        assert cli.main(words) == 1  # two files are none
        said = capsys.readouterr()
        assert counts in said.err and ".vatt-" not in said.err + said.out
    facts = parse_json(places.open_store(index).read("index.json"), "index.json")
    assert facts["root"] == f"{bucket}/media" and facts["model"]["path"] == f"{bucket}/run"
    assert cli.main(["search", index, "something red", "--tsv"]) == 0
    hits = list(csv.DictReader(io.StringIO(capsys.readouterr().out), delimiter="\t"))
    assert [hit["file"] for hit in hits[:3]] == ["red.mp4"] * 3
    assert asked[-1] == f"{bucket}/run"
    page = tmp_path / "page.html"
    assert cli.main(["search", index, "something red", "--html", str(page)]) == 0
    assert "found and not shown; copy them" in capsys.readouterr().err
    assert f"files in {bucket}/media" in page.read_text() and "in an object store" in page.read_text()
    _serves(index, f"{bucket}/media")
    assert cli.main(["search", f"{bucket}/none", "red"]) == 2
    assert f"{bucket}/none" in capsys.readouterr().err
