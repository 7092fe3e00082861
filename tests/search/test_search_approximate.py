"""Lists of near rows: what they find, that an update leaves what a fresh start would, and what is said."""

import json
import shutil
import sys

import numpy as np
import pytest

from tests.prepare.media_maker import make_media
from tests.toy_embedder import ToyEmbedder, colour
from vatt.embed.files import Options
from vatt.search import approximate
from vatt.search.answer import Wanted, answer
from vatt.search.approximate import Before, Lists, write_lists
from vatt.search.build import build_index
from vatt.search.exact import best, scores
from vatt.search.index import Index
from vatt.search.layout import BadIndexError
from vatt.search.query import text_query

ROWS, WIDTH = 6_000, 32


def has_faiss():
    return pytest.importorskip("faiss", reason="needs faiss-cpu, which .ci/peers installs")


def drawn(seed, rows=ROWS):
    """float32 [rows, WIDTH] around 50 centres."""
    draw, centres = np.random.default_rng(seed), np.random.default_rng(0).normal(size=(50, WIDTH))
    made = centres[draw.integers(0, 50, rows)] + 0.7 * draw.normal(size=(rows, WIDTH))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def share(lists, matrix, present, queries):
    """Of the ten nearest, how many are among the candidates."""
    found = []
    for query in queries:
        right = best(scores(matrix, query, present), 10)
        found.append(np.isin(right, lists.candidates(query, present, 10)).mean())
    return float(np.mean(found))


def test_the_stated_recall_holds_for_other_queries(tmp_path):
    has_faiss()
    matrix, queries = drawn(1), drawn(2, 200)
    present = np.arange(ROWS) % 7 > 0
    lists = Lists(
        tmp_path / "a.faiss", **write_lists(tmp_path / "a.faiss", matrix, present, queries[:100], None)
    )
    assert 0.99 <= lists.recall <= 1 and lists.probes < 64
    assert share(lists, matrix, present, queries[100:]) == pytest.approx(lists.recall, abs=0.03)
    rows = lists.candidates(queries[0], present, 10)
    assert present[rows].all() and (np.diff(rows) > 0).all() and len(rows) <= 40


def test_fewer_probes_find_less(tmp_path):
    """So that the measured recall is none that everything would have."""
    has_faiss()
    matrix, queries, present = drawn(1), drawn(2, 100), np.ones(ROWS, bool)
    made = write_lists(tmp_path / "a.faiss", matrix, present, queries, None)
    few = Lists(tmp_path / "a.faiss", **made | {"probes": 1})
    assert share(few, matrix, present, queries) < made["recall"] - 0.1


def test_an_update_moves_adds_and_removes(tmp_path):
    has_faiss()
    old, added = drawn(1), drawn(3, 500)
    made = write_lists(tmp_path / "a.faiss", old, np.ones(ROWS, bool), None, None)
    # The rows 1,000 to 1,999 go, 500 new ones come first.
    matrix = np.concatenate([added, old[:1000], old[2000:]])
    moved = np.concatenate([np.arange(500, 1500), np.full(1000, -1), np.arange(1500, len(matrix))])
    present = np.ones(len(matrix), bool)
    before = Before(path=tmp_path / "a.faiss", trained=made["trained"], moved=moved)
    again = write_lists(tmp_path / "b.faiss", matrix, present, None, before)
    assert again["trained"] == ROWS
    lists = Lists(tmp_path / "b.faiss", **again)
    assert lists._lists.ntotal == len(matrix)
    for row in (0, 499, 500, 1499, 1500, len(matrix) - 1):
        assert row in lists.candidates(matrix[row], present, 1)
    grown, path = drawn(4, 3 * ROWS), tmp_path / "c.faiss"
    before = Before(path=tmp_path / "b.faiss", trained=ROWS, moved=np.arange(len(matrix)))
    assert write_lists(path, grown, np.ones(len(grown), bool), None, before)["trained"] == len(grown)


@pytest.fixture
def listed(made, tmp_path, monkeypatch):
    """A copy of the small index, with lists of its few rows."""
    has_faiss()
    monkeypatch.setattr(approximate, "LEAST_ROWS", 2)
    shutil.copytree(made / "media", tmp_path / "media")
    build(tmp_path, approximate=True)
    return tmp_path


def build(place, **options):
    build_index(
        lambda path: ToyEmbedder(), "toy", place / "media", place / "index", Options(processes=1), **options
    )


def test_an_index_is_searched_by_its_lists_and_says_so(listed):
    index, query = Index(listed / "index"), text_query(ToyEmbedder(), "red")
    found = answer(index, query, Wanted(is_approximate=True))
    assert [hit.place.row for hit in found.hits] == [hit.place.row for hit in answer(index, query).hits]
    (note,) = [note for note in found.notes if note.startswith("approximate")]
    assert "of the ten nearest 100.0 % were found when these were made" in note
    assert not any(note.startswith("approximate") for note in answer(index, query).notes)


def test_an_update_keeps_the_lists(listed):
    make_media(listed / "media" / "another.mp4", pictures=colour("red", 8))
    (listed / "media" / "green.avi").unlink()
    build(listed)
    index = Index(listed / "index")
    assert set(index.facts["lists"]) == {"video/video_audio", "video/video_text"} | {
        name for name in index.facts["lists"] if name.startswith("audio")
    }
    found = answer(index, text_query(ToyEmbedder(), "red"), Wanted(is_approximate=True, one_per_file=True))
    assert {hit.place.name for hit in found.hits} == {"another.mp4", "red.mp4"}


def test_few_windows_are_searched_exactly(listed, monkeypatch):
    monkeypatch.setattr(approximate, "LEAST_ROWS", 50_000)
    build(listed, rebuild=True, approximate=True)
    index = Index(listed / "index")
    assert index.facts["lists"] == {}
    found = answer(index, text_query(ToyEmbedder(), "red"), Wanted(is_approximate=True))
    assert "exact: fewer than 50,000 windows have no lists" in found.notes and found.hits


def test_damage_is_said(listed):
    (path,) = (listed / "index").glob("rows-*/video.video_text.faiss")
    path.write_bytes(b"no lists")
    with pytest.raises(BadIndexError, match="can not be read"):
        answer(Index(listed / "index"), text_query(ToyEmbedder(), "red"), Wanted(is_approximate=True))
    facts = json.loads((listed / "index" / "index.json").read_text())
    facts["lists"]["video/video_text"]["probes"] = "many"
    (listed / "index" / "index.json").write_text(json.dumps(facts))
    with pytest.raises(BadIndexError, match="`probes` must be of kind int"):
        Index(listed / "index")


def test_without_lists_or_faiss_the_way_out_is_said(made, tmp_path, monkeypatch):
    wanted = Wanted(is_approximate=True)
    with pytest.raises(ValueError, match="`vatt index` with --approximate"):
        answer(Index(made / "index"), text_query(ToyEmbedder(), "red"), wanted)
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ValueError, match=r"pip install 'vatt\[approximate\]'"):
        build_index(
            lambda path: ToyEmbedder(), "toy", made / "media", tmp_path / "index", Options(), approximate=True
        )
