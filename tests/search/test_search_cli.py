import csv
import io
import re

import numpy as np
import pytest

import vatt
from tests.embed.embedding_files import run
from tests.prepare.media_maker import make_media
from tests.toy_embedder import ToyEmbedder, colour, tone
from vatt.search import cli, index_cli
from vatt.search.answer import Wanted, answer
from vatt.search.index import Index
from vatt.search.layout import BadIndexError
from vatt.search.query import text_query


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    embedder = ToyEmbedder()
    monkeypatch.setattr(vatt, "load", lambda path: embedder)
    return embedder


def found(capsys, *words):
    """(file, score) of each hit, and what was said besides."""
    assert run(cli, *words, "--tsv") == 0
    told = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(told.out), delimiter="\t"))
    assert [int(row["rank"]) for row in rows] == list(range(1, len(rows) + 1))
    return [(row["file"], float(row["start_seconds"])) for row in rows], told.err


def test_words_find_pictures(made, capsys):
    hits, notes = found(capsys, made / "index", "something red")
    assert hits == [("red.mp4", 0.0), ("green.avi", 0.0)]
    assert "2 of 6 windows have no video and were not searched" in notes
    hits, _ = found(capsys, made / "index", "something red", "--windows")
    assert hits[:3] == [("red.mp4", 0.0), ("red.mp4", 0.4), ("red.mp4", 0.8)] and len(hits) == 4
    hits, _ = found(capsys, made / "index", "green", "--count", 1)
    assert hits == [("green.avi", 0.0)]


def test_words_find_sound(made, capsys):
    hits, _ = found(capsys, made / "index", "blue", "--by", "audio", "--one_per_file")
    assert [name for name, _ in hits] == ["blue.wav", "red.mp4"]


def test_pictures_and_sound_find_each_other(made, tmp_path, capsys):
    film = make_media(tmp_path / "a.mkv", pictures=colour("green", 4), sound=tone("red", 0.4))
    assert found(capsys, made / "index", "--video", film)[0][0] == ("green.avi", 0.0)
    assert found(capsys, made / "index", "--audio", film)[0][0][0] == "red.mp4"
    assert found(capsys, made / "index", "--audio", film, "--by", "audio")[0][0][0] == "red.mp4"
    assert found(capsys, made / "index", "--video", film, "--by", "audio")[0][-1][0] != "green.avi"


def test_what_is_printed_for_people(made, capsys):
    assert run(cli, made / "index", "red", "--count", 1) == 0
    assert capsys.readouterr().out == "  1   0.989  red.mp4  0:00.0 to 0:01.2\n"


def test_the_gallery_is_one_page_that_asks_for_nothing(made, tmp_path, capsys):
    page = tmp_path / "gallery.html"
    assert run(cli, made / "index", "red", "--windows", "--html", page) == 0
    text = page.read_text()
    assert text.count('<li class="hit">') == 4 and text.count("data:image/jpeg;base64,") == 4
    assert "red.mp4" in text and "0:00.4 to 0:00.8" in text and 'class="waveform"' in text
    assert not re.findall(r"(?:https?:)?//[a-z]|<script|url\(", text)
    assert "default-src 'none'; img-src data:" in text


def test_the_gallery_of_files_that_are_gone_and_with_odd_names(tmp_path, capsys):
    media = tmp_path / "media"
    media.mkdir()
    odd = "<b>&\"red'.avi"
    make_media(media / odd, pictures=colour("red", 4))
    make_media(media / "gone.avi", pictures=colour("blue", 4))
    assert run(index_cli, media, tmp_path / "index", "--model", "toy", "--processes", 1) == 0
    (media / "gone.avi").unlink()
    run(cli, tmp_path / "index", "<i>red</i> blue", "--html", tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text()
    assert "there is no such file" in text
    assert "<b>&amp;" not in text and "&lt;b&gt;&amp;" in text and "<i>red" not in text


@pytest.mark.parametrize(
    "words, rule",
    [
        ((), "Received: 0 of the four"),
        (("red", "--video", "a.mp4"), "Received: 2 of the four"),
        (("",), "A sentence must have a word"),
        (("кошка мурлычет",), "at least one of the 3 words"),
        (("--video", "none.mp4"), "there is no such file"),
        (("--video", "blue.wav"), "has no video"),
        (("--audio", "green.avi"), "has no audio"),
        (("--audio", "text.mp4"), "can not be opened as media"),
        (("--audio", "empty.mp4"), "the file is empty"),
        (("red", "--count", 0), "`count` of 1 or more"),
        (("--copy_of", "red.mp4", "--at_least", 0.0), "Received: it with `--at_least`"),
        (("--copy_of", "red.mp4", "--one_per_file"), "Received: it with `--one_per_file`"),
        (("red", "--overwrite"), "is of the clips of `--export_clips`"),
        (("red", "--start_seconds", 3), "is a place in the file that is asked with"),
    ],
)
def test_bad_queries(made, monkeypatch, words, rule):
    monkeypatch.chdir(made / "media")
    with pytest.raises(ValueError, match=rule):
        run(cli, made / "index", *words)


def test_words_that_the_model_does_not_know_are_said(made, capsys):
    hits, notes = found(capsys, made / "index", "Purple red dogs", "--count", 1)
    assert hits[0][0] == "red.mp4"
    assert "the model does not know the words Purple, dogs; the others were searched" in notes
    assert "does not know the words" not in found(capsys, made / "index", "red", "--count", 1)[1]


def test_bytes_that_are_no_text_are_replaced_and_said(made, capsys):
    hits, notes = found(capsys, made / "index", "red caf\udce9", "--count", 1)  # as the shell gives \xe9
    assert hits[0][0] == "red.mp4"
    assert "the text is no valid Unicode; what can not be read became ?" in notes


def test_a_very_long_text_is_cut_and_that_is_said(made, capsys):
    hits, notes = found(capsys, made / "index", "red " * 10_000, "--count", 1)
    assert hits[0][0] == "red.mp4"
    assert "the text has 10000 words; all behind the first 1000 were cut off" in notes
    assert "the model reads the first 4 words" in notes


def test_a_long_file_is_cut_and_that_is_said(made, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("vatt.search.query.MAX_SECONDS", 1.0)
    pictures = np.concatenate([colour("red", 10), colour("blue", 30)])
    film = make_media(tmp_path / "a.mkv", pictures=pictures)
    hits, notes = found(capsys, made / "index", "--video", film)
    assert hits[0][0] == "red.mp4" and "at most 1 s count, from 0 s on" in notes
    hits, notes = found(capsys, made / "index", "--video", film, "--start_seconds", 1.0)
    assert hits[-1][0] == "red.mp4"


def test_another_model_is_refused(made, toy):
    toy.fingerprint = "other"
    with pytest.raises(BadIndexError, match="must be searched with the model it was made with"):
        run(cli, made / "index", "red")


def test_an_index_without_pictures_is_searched_by_its_sound(tmp_path, toy):
    (tmp_path / "media").mkdir()
    for name in ("red", "blue"):
        make_media(tmp_path / "media" / f"{name}.wav", sound=tone(name, 0.4), audio_codec="pcm_s16le")
    run(index_cli, tmp_path / "media", tmp_path / "index", "--model", "toy", "--processes", 1)
    index = Index(tmp_path / "index")
    result = answer(index, text_query(toy, "blue"))
    assert result.target == "audio" and result.hits[0].place.name == "blue.wav"
    with pytest.raises(ValueError, match="no window in .* has any. Search by audio: --by audio"):
        answer(index, text_query(toy, "blue"), Wanted(target="video"))


def test_index_exit_statuses(made, tmp_path, capsys):
    assert run(index_cli, made / "media", tmp_path / "a", "--model", "toy", "--processes", 1) == 1
    told = capsys.readouterr()
    assert told.out.strip() == str(tmp_path / "a")
    assert "6 windows of 3 files: 3 new" in told.err and "  empty.mp4: the file is empty" in told.err
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.mp4").write_text("no film")
    assert run(index_cli, tmp_path / "bad", tmp_path / "b", "--model", "toy", "--processes", 1) == 2
