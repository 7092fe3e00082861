import numpy as np
import pytest

from tests.prepare.media_maker import make_media
from tests.toy_embedder import ToyEmbedder, colour
from vatt.embed.files import Options
from vatt.search import cli, index_cli
from vatt.search.answer import Wanted, answer
from vatt.search.build import build_index
from vatt.search.index import Index
from vatt.search.query import file_query, text_query


@pytest.fixture(scope="module")
def shots(tmp_path_factory):
    """An index of one video: red for 1 s, green for 1 s, red for 1.6 s, cut within windows of 0.4 s."""
    folder = tmp_path_factory.mktemp("shots")
    (folder / "media").mkdir()
    pictures = np.concatenate([colour("red", 10), colour("green", 10), colour("red", 16), colour("blue", 4)])
    make_media(folder / "media" / "a.mp4", pictures=pictures)
    build_index(lambda path: ToyEmbedder(), "toy", folder / "media", folder / "index", Options(processes=1))
    return Index(folder / "index")


def times(found):
    return [(round(hit.start_seconds, 2), round(hit.end_seconds, 2)) for hit in found.hits]


def test_neighbouring_windows_are_one_scene_and_end_at_cuts(shots):
    assert shots.files[0]["cuts"] == pytest.approx([1.0, 2.0, 3.6])
    found = answer(shots, text_query(ToyEmbedder(), "red"), Wanted(count=2))
    assert sorted(times(found)) == [(0.0, 0.8), (2.0, 3.6)]  # the window of 0.8 s is half green
    assert all(hit.found_by == ("video",) and hit.probability is None for hit in found.hits)
    found = answer(shots, text_query(ToyEmbedder(), "green"), Wanted(count=1))
    assert times(found) == [(1.0, 2.0)]


def test_windows_by_themselves_and_one_hit_of_a_file(shots):
    query = text_query(ToyEmbedder(), "red")
    found = answer(shots, query, Wanted(count=100, is_joined=False))
    assert len(found.hits) == shots.rows
    assert [hit.score for hit in found.hits] == sorted((hit.score for hit in found.hits), reverse=True)
    assert len(answer(shots, query, Wanted(one_per_file=True)).hits) == 1


def test_an_index_of_many_equal_windows_gives_as_many_scenes_as_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr("vatt.search.answer._FIRST", 2)
    monkeypatch.setattr("vatt.search.answer._MORE", 2)
    (tmp_path / "media").mkdir()
    for name in ("red", "green", "blue"):
        make_media(tmp_path / "media" / f"{name}.mp4", pictures=colour(name, 40))
    build_index(lambda path: ToyEmbedder(), "toy", tmp_path / "media", tmp_path / "i", Options(processes=1))
    found = answer(Index(tmp_path / "i"), text_query(ToyEmbedder(), "red"), Wanted(count=2))
    assert len(found.hits) == 2 and found.hits[0].place.name == "red.mp4"
    assert times(found)[0] == (0.0, 4.0)


@pytest.mark.parametrize(
    "options, rule",
    [
        ({"count": 0}, "`count` of 1 or more"),
        ({"at_least": 1.5}, "0 to 1"),
        ({"target": "smell"}, "A search is by"),
    ],
)
def test_bad_wishes(options, rule):
    with pytest.raises(ValueError, match=rule):
        Wanted(**options)


def test_a_probability_needs_a_calibration_and_a_text(made, shots):
    with pytest.raises(ValueError, match="has none. Fit one .* --calibrate_on"):
        answer(shots, text_query(ToyEmbedder(), "red"), Wanted(at_least=0.5))
    query = file_query(ToyEmbedder(), made / "media" / "red.mp4", "video")
    with pytest.raises(ValueError, match="known of answers to texts"):
        answer(shots, query, Wanted(at_least=0.5))


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    """An index of red and green, calibrated on captioned media of all three colours, in folders by colour."""
    folder = tmp_path_factory.mktemp("calibrated")
    (folder / "media").mkdir()
    for name in ("red", "green"):
        make_media(folder / "media" / f"{name}.avi", pictures=colour(name, 4))
    for name in ("red", "green", "blue", "mixed"):
        (folder / "captioned" / name).mkdir(parents=True)
        pictures = colour("red", 4) // 2 + colour("blue", 4) // 2 if name == "mixed" else colour(name, 4)
        text = "red blue" if name == "mixed" else name
        for number in range(3):
            path = folder / "captioned" / name / f"{number}.avi"
            make_media(path, pictures=pictures)
            path.with_suffix(".srt").write_text(
                f"1\n00:00:00,000 --> 00:00:00,200\n{text}\n\n"
                f"2\n00:00:00,200 --> 00:00:00,400\na {text} thing\n"
            )
    embedder = ToyEmbedder()
    words = [folder / "media", folder / "index"]
    options = Options(processes=1)
    build_index(lambda path: embedder, "toy", *words, options, calibrate_on=folder / "captioned")
    return folder


def test_what_is_not_there_is_not_found(calibrated):
    index, embedder = Index(calibrated / "index"), ToyEmbedder()
    found = answer(index, text_query(embedder, "red"), Wanted(at_least=0.5))
    assert [hit.place.name for hit in found.hits] == ["red.avi"] and found.hits[0].probability > 0.5
    found = answer(index, text_query(embedder, "blue"), Wanted(at_least=0.5))
    assert found.hits == () and "nothing found that is as probable as 0.5" in found.notes[-1]
    assert len(answer(index, text_query(embedder, "blue")).hits) == 2


def test_a_calibration_is_kept_by_an_update(calibrated):
    embedder = ToyEmbedder()
    before = Index(calibrated / "index").facts["calibration"]
    make_media(calibrated / "media" / "new.avi", pictures=colour("green", 4))
    build_index(
        lambda path: embedder, "toy", calibrated / "media", calibrated / "index", Options(processes=1)
    )
    assert Index(calibrated / "index").facts["calibration"] == before and before["captions"] == 24


def test_the_command_says_that_nothing_was_found(calibrated, monkeypatch, capsys):
    from tests.embed.embedding_files import run

    monkeypatch.setattr("vatt.load", lambda path: ToyEmbedder())
    assert run(cli, calibrated / "index", "blue", "--at_least", 0.5) == 1
    told = capsys.readouterr()
    assert not told.out and "nothing found that is as probable as 0.5" in told.err
    assert run(cli, calibrated / "index", "red", "--at_least", 0.5) == 0
    assert "%)  red.avi" in capsys.readouterr().out
    with pytest.raises(ValueError, match="Received: 0 captions of 0"):
        words = calibrated / "media", calibrated / "other", "--model", "toy", "--processes", 1
        run(index_cli, *words, "--calibrate_on", calibrated / "media")
