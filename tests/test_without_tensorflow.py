"""What needs no model needs none of the extras' packages: the base installation."""

import json
import subprocess
import sys

import pytest

from tests.documents import ROOT
from tests.prepare.media_maker import beep, grey, make_media
from tests.report.made_up_runs import write_run

ABSENT = {"tensorflow", "keras", "tensorboard", "matplotlib", "sklearn", "joblib", "narwhals", "scipy"}
ABSENT |= {"grpc", "safetensors", "werkzeug", "pyarrow", "jax", "obstore"}
PROGRAM = f"""
import json, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from vatt import cli

print(json.dumps([cli.main(words) for words in json.loads(sys.argv[1])]))
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """The exit status of each command, and what all of them wrote to the terminal."""
    folder = tmp_path_factory.mktemp("base")
    (folder / "videos").mkdir()
    for number in range(3):
        frames = grey(range(20 + number, 200, 20))
        make_media(folder / f"videos/{number}.mp4", pictures=frames, sound=beep(0.8, at=0.1))
    (folder / "run").mkdir()
    write_run(folder / "run")
    commands = [
        ["prepare", "folder", str(folder / "videos"), str(folder / "records"), "--processes", "1"],
        ["doctor", str(folder / "records")],
        ["report", str(folder / "run")],
        ["tables", "--paper"],
        ["completion", "bash"],
        ["index", str(folder / "videos"), str(folder / "index"), "--model", "run"],
        ["train", "--gin_file=pretrain.gin"],
    ]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(commands)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    statuses = json.loads(done.stdout.splitlines()[-1])
    return (
        {command[0]: status for command, status in zip(commands, statuses, strict=True)},
        done.stderr,
        folder,
    )


@pytest.mark.parametrize("verb", ["prepare", "doctor", "report", "tables", "completion"])
def test_it_does_without(ended, verb):
    statuses, told, folder = ended
    assert statuses[verb] == 0, told
    assert (folder / "records" / "dataset.json").is_file() and (folder / "run" / "report.html").is_file()


@pytest.mark.parametrize("verb", ["index", "train"])
def test_what_needs_it_says_how_to_install_it(ended, verb):
    statuses, told, _ = ended
    assert statuses[verb] == 2
    assert told.count("`pip install 'vatt[train]'`") == 2 and "Traceback" not in told
