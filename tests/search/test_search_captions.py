import math

import pytest

from tests.prepare.media_maker import make_media
from tests.toy_embedder import ToyEmbedder, colour
from vatt.embed.files import Options
from vatt.search.answer import Wanted, answer
from vatt.search.build import build_index
from vatt.search.captions import Captions, write_captions
from vatt.search.index import Index
from vatt.search.query import text_query

SRT = """1
00:00:00,400 --> 00:00:00,800
the Café of the frogs

2
00:00:00,850 --> 00:00:01,100
a red door
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """An index of a red and a blue video, each with captions, and a file of captions of neither."""
    folder = tmp_path_factory.mktemp("said")
    media = folder / "media"
    media.mkdir()
    make_media(media / "red.mp4", pictures=colour("red", 12))
    make_media(media / "blue.mp4", pictures=colour("blue", 4))
    (media / "red.srt").write_text(SRT)
    (media / "blue.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:00.400\nred playing\n")
    (media / "other.srt").write_text(SRT)
    build_index(lambda path: ToyEmbedder(), "toy", media, folder / "index", Options(processes=1))
    return folder


def test_words_in_any_form_and_with_or_without_accents(tmp_path):
    path = tmp_path / "captions.sqlite"
    write_captions(
        path, [(3, (1.0, 2.0, "Frogs jumped over the café")), (5, (0.0, math.inf, 'a "quiet" pond'))]
    )
    captions = Captions(path)
    (hit,) = captions.find(["cafe", "frog", "jumping"], 10)
    assert (hit.number, hit.start_seconds, hit.end_seconds) == (3, 1.0, 2.0)
    (hit,) = captions.find(['quiet" OR', "NEAR(pond)"][:1], 10) or captions.find(["quiet"], 10)
    assert hit.number == 5 and math.isinf(hit.end_seconds)
    for odd in (['"'], [""], ["-frog*"], ["NOT"], ["text:frogs OR pond"]):
        captions.find(odd, 10)  # no syntax of FTS5 comes from a text
    assert captions.find(["frog", "pond"], 10) == []


def test_captions_next_to_media_are_indexed_and_counted(said):
    index = Index(said / "index")
    assert {file["path"]: file["captions"] for file in index.files} == {"blue.mp4": 1, "red.mp4": 2}


def test_what_is_said_and_what_is_seen_are_fused(said):
    index = Index(said / "index")
    found = answer(index, text_query(ToyEmbedder(), "red"))
    by = {(hit.place.name, hit.found_by) for hit in found.hits}
    assert by == {("red.mp4", ("video", "captions")), ("blue.mp4", ("video", "captions"))}
    assert {hit.caption for hit in found.hits} == {"a red door", "red playing"}
    alone = answer(index, text_query(ToyEmbedder(), "red"), Wanted(target="captions"))
    assert all(hit.found_by == ("captions",) and hit.score is None for hit in alone.hits)
    seen = answer(index, text_query(ToyEmbedder(), "red"), Wanted(target="video"))
    assert all(hit.found_by == ("video",) and not hit.caption for hit in seen.hits)


def test_words_that_the_model_does_not_know_are_found_where_they_are_said(said):
    index = Index(said / "index")
    found = answer(index, text_query(ToyEmbedder(), "cafe"))
    (hit,) = found.hits
    assert (hit.place.name, hit.place.start_seconds, hit.found_by) == ("red.mp4", 0.4, ("captions",))
    assert "the model knows no word of the text; captions alone were searched" in found.notes
    assert found.target == "captions"
    # "blue" is seen, "frogs" are said, and no caption has both words.
    found = answer(index, text_query(ToyEmbedder(), "blue frogs"), Wanted(is_joined=False))
    assert {hit.place.name: hit.found_by for hit in found.hits[::-1]}["blue.mp4"] == ("video",)
    assert ("red.mp4", "captions") in {(hit.place.name, hit.found_by[-1]) for hit in found.hits}


def test_captions_that_change_are_read_again(said, tmp_path):
    media = said / "media"
    (media / "blue.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:00.400\nsomething else\n")
    embedder = ToyEmbedder()
    build_index(lambda path: embedder, "toy", media, said / "index", Options(processes=1))
    assert not embedder.rows
    found = answer(Index(said / "index"), text_query(embedder, "else"), Wanted(target="captions"))
    assert [hit.place.name for hit in found.hits] == ["blue.mp4"]


def test_an_index_without_captions_refuses_a_search_by_them(made):
    index = Index(made / "index")
    with pytest.raises(ValueError, match="no file of the index has any"):
        answer(index, text_query(ToyEmbedder(), "red"), Wanted(target="captions"))
    with pytest.raises(ValueError, match="at least one of the 3 words"):
        answer(index, text_query(ToyEmbedder(), "frogs"))
