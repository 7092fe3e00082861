"""The first page's commands, as they stand there: from a folder of videos to an answer, in miniature."""

import shlex

import numpy as np
import pytest

from tests.documents import ROOT, blocks, commands
from tests.prepare.media_maker import make_media
from vatt import cli
from vatt import main as vatt_main

PAGE = ROOT / "docs" / "own_videos.md"
SAID = ("a dog barks", "we cross the bridge", "rain falls on the lake", "the train leaves")
SECONDS, RATE_HZ, SOUND_HZ = 4, 10, 16_000


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of videos with captions next to them, of which some are for testing by their names."""
    monkeypatch.chdir(tmp_path)
    draw = np.random.default_rng(0)
    (tmp_path / "VIDEOS").mkdir()
    for number in range(12):
        film = tmp_path / "VIDEOS" / f"film{number}.mp4"
        pictures = draw.integers(0, 256, (SECONDS * RATE_HZ, 48, 64, 3), "uint8")
        sound = draw.integers(-9000, 9000, (SECONDS * SOUND_HZ, 1), "int16")
        make_media(film, pictures=pictures, sound=sound, sound_rate_hz=SOUND_HZ)
        said = SAID[number % len(SAID)]
        film.with_suffix(".srt").write_text(f"1\n00:00:00,500 --> 00:00:03,000\n{said}\n")
    return tmp_path


def run(command):
    """The exit status of a command in this process; a training is made tiny."""
    words = shlex.split(command)
    if words[2] == "vatt":
        return cli.main(words[3:])
    tiny = [f"--gin_file={ROOT / 'experiments' / 'overlay' / 'tiny.gin'}", "--gin.TRAIN_STEPS=2"]
    return vatt_main.main([*(word for word in words[3:] if "TRAIN_STEPS" not in word), *tiny])


@pytest.mark.slow
def test_from_a_folder_of_films_to_an_answer(folder, capsys):
    _, first = next(blocks(PAGE, ""))
    page = [command for command in commands(PAGE) if command in first]
    *done, searched, served = page
    assert [shlex.split(command)[3] for command in (searched, served)] == ["search", "serve"]
    for command in done:
        findings = shlex.split(command)[3] == "doctor"  # so few videos are a finding
        assert run(command) in ((0, 1) if findings else (0,)), command
        assert "error: " not in capsys.readouterr().err
    assert (folder / "runs" / "folder" / "report.html").is_file()
    assert run(searched) == 0
    assert "film" in capsys.readouterr().out
