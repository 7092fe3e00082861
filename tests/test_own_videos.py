"""The way of docs/own_videos.md in miniature: a folder, the command that `prepare` prints, a search."""

import json
import re
import shlex
from pathlib import Path

import keras
import numpy as np
import pytest

import vatt.embed.loading  # noqa: F401 (registers models; a run locks gin)
from tests.prepare.media_maker import make_media
from tests.toy_embedder import colour, tone
from vatt import cli
from vatt import main as vatt_main

ROOT = Path(__file__).parents[1]
CAPTIONS = "1\n00:00:00,000 --> 00:00:02,000\na {0} picture\n\n2\n00:00:02,000 --> 00:00:04,000\nstill {0}\n"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Nested, with a name that shells and browsers trip over; one without captions, one that is no video."""
    folder = tmp_path_factory.mktemp("walk") / "meine Filme"
    for number, name in enumerate(("red", "green", "blue") * 3):
        where = folder / ("März [roh]" if number % 2 else "a/b")
        where.mkdir(parents=True, exist_ok=True)
        film = where / f"Übung {number} #{name}.mkv"
        make_media(film, pictures=colour(name, 40, 64), sound=tone(name, 4.0))
        if number:
            film.with_suffix(".srt").write_text(CAPTIONS.format(name), encoding="utf-8")
    (folder / "broken.mp4").write_bytes(b"not a film")
    return folder


@pytest.fixture(scope="module")
def told(films):
    """What `prepare` says, and where its set is."""
    records = films.parent / "records"
    with pytest.MonkeyPatch.context() as patch:
        said = []
        patch.setattr("vatt.prepare.progress.say", said.append)
        for module in ("cli", "folder", "prepare"):
            patch.setattr(f"vatt.prepare.{module}.say", said.append)
        command = ["prepare", "folder", str(films), str(records), "--processes", "1"]
        assert cli.main([*command, "--test_share", "0.4"]) == 1
        assert cli.main([*command, "--test_share", "0.4", "--max_failures", "0.1"]) == 0
    return records, "\n".join(said)


def test_what_was_prepared_and_what_was_not(told):
    records, said = told
    assert "10 clips, 8 with captions" in said and "1 of 10 clips could not be prepared" in said
    assert re.search(r"train: \d records, 0.\d minutes; \d with video, \d with audio", said)
    assert json.loads((records / "dataset.json").read_text())["splits"]["test"]["clips"]


def test_the_printed_command_trains_a_model_that_finds_films(films, told, tmp_path, monkeypatch, capsys):
    records, said = told
    command = shlex.split(said[said.index("python -m vatt.main") :].splitlines()[0])
    assert command[:3] == ["python", "-m", "vatt.main"] and "--gin.VOCABULARY_SIZE=8" in command
    run, index = tmp_path / "run", tmp_path / "index"
    monkeypatch.chdir(ROOT)  # its gin files lie below
    tiny = "--gin_file=experiments/overlay/tiny.gin"
    assert vatt_main.main([*command[3:], tiny, f"--model_dir={run}"]) == 0
    keras.config.set_dtype_policy("float32")
    assert "retrieval/text_to_video/recall_at_1" in json.loads((run / "metrics.json").read_text())
    assert (run / "report.html").is_file()
    # A file that can not be read is skipped and reported: exit status 1.
    assert cli.main(["index", str(films), str(index), "--model", str(run), "--processes", "1"]) == 1
    capsys.readouterr()
    assert cli.main(["search", str(index), "a purple picture", "--tsv", "--count", "99"]) == 0
    found = capsys.readouterr()
    rows = [line.split("\t") for line in found.out.splitlines()[1:]]
    assert {row[2] for row in rows} == {path.relative_to(films).as_posix() for path in films.rglob("*.mkv")}
    assert "does not know the words purple" in found.err
    assert np.isfinite([float(row[1]) for row in rows]).all()
