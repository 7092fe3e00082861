import csv
import io

import numpy as np
import pytest

from tests.embed.embedding_files import run
from tests.prepare.media_maker import make_media
from tests.search.test_search_copies import moving
from tests.toy_embedder import ToyEmbedder, tone
from vatt.embed.files import Options
from vatt.prepare.container import MediaError
from vatt.search import cli, duplicates_cli
from vatt.search.build import build_index
from vatt.search.excerpt_frames import frames_of_excerpt, frames_of_index
from vatt.search.index import Index
from vatt.search.layout import BadIndexError


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copies")
    (folder / "media").mkdir()
    videos = [moving(seed, 100) for seed in range(3)]
    for number, video in enumerate(videos):
        make_media(folder / "media" / f"{number}.mp4", pictures=video, sound=tone("red", 10.0))
    make_media(folder / "excerpt.avi", pictures=np.ascontiguousarray(videos[1][42:72, 4:, 4:]))
    make_media(folder / "other.avi", pictures=moving(9, 30))
    build_index(lambda path: ToyEmbedder(), "toy", folder / "media", folder / "index", Options(processes=1))
    return folder


def test_the_command_finds_the_place_without_the_model(place, capsys, monkeypatch):
    monkeypatch.setattr("vatt.load", None)
    assert run(cli, place / "index", "--copy_of", place / "excerpt.avi", "--tsv") == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out), delimiter="\t")
    assert row["file"] == "1.mp4" and float(row["start_seconds"]) == pytest.approx(4.2, abs=0.5)
    assert row["found_by"] == "copy" and float(row["score"]) > 0.9
    assert run(cli, place / "index", "--copy_of", place / "other.avi") == 1
    assert "it is a copy of nothing in the index" in capsys.readouterr().err


def test_what_has_no_frames_is_refused(place, made, tmp_path):
    with pytest.raises(MediaError, match="has no video"):
        frames_of_excerpt(made / "media" / "blue.wav", 0.0)
    (tmp_path / "media").mkdir()
    make_media(tmp_path / "media" / "a.wav", sound=tone("red", 0.8), audio_codec="pcm_s16le")
    build_index(lambda path: ToyEmbedder(), "toy", tmp_path / "media", tmp_path / "i", Options(processes=1))
    with pytest.raises(BadIndexError, match="which keeps none"):
        frames_of_index(Index(tmp_path / "i"))


def test_duplicates_are_listed_with_their_place(place, capsys):
    make_media(place / "media" / "copy.avi", pictures=np.ascontiguousarray(moving(2, 100)[30:80, ::2, ::2]))
    assert run(duplicates_cli, place / "media", "--processes", 1) == 1
    told = capsys.readouterr()
    (row,) = csv.DictReader(io.StringIO(told.out), delimiter="\t")
    assert {row["file"], row["copy"]} == {"2.mp4", "copy.avi"}
    assert abs(float(row["offset_seconds"])) == pytest.approx(3.0, abs=0.5)
    assert "1 pair among 4 videos" in told.err
