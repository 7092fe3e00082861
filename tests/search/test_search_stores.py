"""Media, index and model in an object store."""

import contextlib
import csv
import io

from PIL import Image
from werkzeug.test import Client

import vatt
from tests.embed.embedding_files import make_folder
from tests.toy_embedder import ToyEmbedder
from vatt import cli
from vatt.files import mirror, places
from vatt.files.json_file import parse_json
from vatt.search.access import Access
from vatt.search.index import Index
from vatt.search.server import SearchServer


def _serves(index, bucket):
    """What is found is shown and played, and not any more once it has changed."""
    with mirror.here(index) as here:
        server = SearchServer(
            Index(here), ToyEmbedder(), access=Access(frozenset({"here"})), max_upload_bytes=1
        )
        with contextlib.closing(server):
            client, base = Client(server), {"base_url": "http://here"}
            found = client.post("/search", data={"text": "something red", "count": "1"}, **base).json["hits"]
            assert [hit["file"] for hit in found] == ["red.mp4"]
            thumbnail = client.get(found[0]["thumbnail"], **base)
            assert Image.open(io.BytesIO(thumbnail.data)).getpixel((20, 50))[0] > 150, "it is red"
            assert client.get(found[0]["window"], **base).data[4:8] == b"ftyp"
            film = places.open_store(f"{bucket}/media").read("red.mp4")
            assert client.get(found[0]["whole"], **base).data == film
            part = client.get(found[0]["whole"], headers={"Range": "bytes=100-299"}, **base)
            assert part.status_code == 206 and part.data == film[100:300]
            places.open_store(f"{bucket}/media").write("red.mp4", film[::-1])
            for address in (found[0]["thumbnail"], found[0]["whole"], found[0]["window"]):
                assert client.get(address, **base).status_code == 404


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
    assert hits[0]["file"] == "red.mp4"
    assert asked[-1] == f"{bucket}/run"
    page = tmp_path / "page.html"
    assert cli.main(["search", index, "something red", "--html", str(page)]) == 0
    assert f"files in {bucket}/media" in page.read_text() and "data:image/jpeg" in page.read_text()
    _serves(index, bucket)
    assert cli.main(["search", f"{bucket}/none", "red"]) == 2
    assert f"{bucket}/none" in capsys.readouterr().err
