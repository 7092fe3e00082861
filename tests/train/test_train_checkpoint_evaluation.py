"""The job `evaluate`: follows a run in a folder of its own, and does not miss the last checkpoint."""

import json
import threading
import time
from pathlib import Path

from tests.toy_run import in_a_folder_of_its_own  # noqa: F401
from vatt import main
from vatt.train.checkpoint_folder import CheckpointFolder

OVERLAY = Path(__file__).parents[2] / "experiments" / "overlay" / "evaluate.gin"


def call(directory, *flags):
    return main.main(["--gin_file=toy.gin", f'--gin.MODEL_DIR="{directory}"', *flags])


def follow(directory, *flags):
    return call(directory, f"--gin_file={OVERLAY}", "--gin.CheckpointEvaluation.poll_seconds=0.1", *flags)


def test_it_measures_what_the_run_measured_and_writes_beside_it(tmp_path, capsys):
    directory = tmp_path / "run"
    assert call(directory, "--gin.TRAIN_STEPS=10") == 0
    before = {path: path.stat().st_mtime_ns for path in directory.rglob("*") if path.is_file()}
    assert follow(directory, "--gin.TRAIN_STEPS=10") == 0
    assert "Evaluating the checkpoint of step 10 of 10." in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in before} == before
    ours = json.loads((directory / "evaluation" / "metrics.json").read_text())
    assert ours == json.loads((directory / "metrics.json").read_text())
    assert (directory / "evaluation" / "report.html").is_file()
    assert "run.job = @CheckpointEvaluation" in (directory / "evaluation" / "config.gin").read_text()
    assert follow(directory, "--gin.TRAIN_STEPS=10") == 0  # nothing is left to do
    assert "Evaluating the checkpoint" not in capsys.readouterr().err


def test_it_waits_for_what_is_to_come(tmp_path, monkeypatch):
    directory = tmp_path / "run"
    assert call(directory, "--gin.TRAIN_STEPS=10") == 0
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    for path in list((directory / "checkpoints").glob("ckpt-10.*")):
        path.rename(hidden / path.name)

    history = directory / "evaluation" / "evaluations" / "history.jsonl"

    def bring_back():
        while not history.is_file():  # it has measured what was there, and waits
            time.sleep(0.1)
        for path in sorted(hidden.iterdir(), key=lambda path: path.suffix == ".json"):  # as a save does
            path.rename(directory / "checkpoints" / path.name)

    thread = threading.Thread(target=bring_back, daemon=True)
    thread.start()
    assert follow(directory, "--gin.TRAIN_STEPS=10") == 0
    thread.join()
    assert [json.loads(line)["step"] for line in history.read_text().splitlines()] == [5, 10]
    assert CheckpointFolder(directory / "checkpoints").steps() == [5, 10]


def test_patience_ends(tmp_path, capsys):
    directory = tmp_path / "run"
    assert call(directory, "--gin.TRAIN_STEPS=5") == 0
    assert follow(directory, "--gin.CheckpointEvaluation.patience_seconds=0.3") == 0
    assert "No checkpoint after step 5" in capsys.readouterr().err
    assert json.loads((directory / "evaluation" / "metrics.json").read_text())["step"] == 5


def test_it_needs_a_folder_and_evaluators(tmp_path, capsys):
    assert follow(tmp_path / "run", '--gin.run.subfolder=""') == 2
    assert "needs a folder in the run directory" in capsys.readouterr().err
    assert follow(tmp_path / "run", "--gin.Evaluation.evaluators=[]") == 2
    assert "needs evaluators" in capsys.readouterr().err
