"""What a run keeps when asked for more: the best checkpoint, batch summaries, a profile, alarms, facts."""

import json
import threading

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests import toys
from tests.toy_run import in_a_folder_of_its_own  # noqa: F401
from vatt import main
from vatt.errors import RunError
from vatt.train.checkpoint_folder import CheckpointFolder
from vatt.train.run_records import RunRecords


def train(directory, *flags):
    return main.main(["--gin_file=toy.gin", f'--gin.MODEL_DIR="{directory}"', *flags])


def journal(directory):
    return [json.loads(line) for line in (directory / "journal.jsonl").read_text().splitlines()]


def test_the_best_checkpoint_outlives_newer_ones(tmp_path, monkeypatch):
    values = iter([0.1, 0.7, 0.3, 0.2, 0.1])
    monkeypatch.setattr(toys.ToyEvaluator, "evaluate", lambda self, model: {"toys/recall": next(values)})
    flags = ("--gin.Evaluation.every=4", "--gin.Checkpoints.keep=1", "--gin.Checkpoints.keep_every=15")
    assert train(tmp_path / "run", *flags, '--gin.Checkpoints.keep_best="toys/recall"') == 0
    checkpoints = CheckpointFolder(tmp_path / "run" / "checkpoints")
    assert checkpoints.steps() == [8, 15, 20]
    facts = checkpoints.facts(20)
    assert facts["identity"] == {"batch_size": "4", "seed": "0"}
    assert facts["metrics"] == {"step": 16, "toys/recall": 0.2}


def test_the_best_of_nothing_is_refused(tmp_path, capsys):
    flag = '--gin.Checkpoints.keep_best="toy_evaluation/mean"'
    assert train(tmp_path / "run", flag) == 2
    assert "Set `Evaluation.every`" in capsys.readouterr().err
    assert train(tmp_path / "run", flag, "--gin.Evaluation.every=2") == 2
    assert "Closest: `toy_evaluation/mean_weight`" in capsys.readouterr().err
    assert journal(tmp_path / "run")[-1]["step"] == 2


def steps_of(events, tag):
    """Sorted: files of starts within one second are read in any order."""
    return sorted(event.step for event in events.Tensors(tag))


def test_summaries_and_telemetry_reach_tensorboard_and_survive_a_restart(tmp_path):
    flags = ("--gin.Logging.summary_every=4", "--gin.Evaluation.every=5", "--gin.Logging.peak_flops=1e12")
    directory = tmp_path / "run"
    assert train(directory, *flags, "--gin.TRAIN_STEPS=10") == 0
    line = journal(directory)[-1]
    assert line["data/video"] == line["data/audio"] == line["data/text"] == 1.0
    assert line["mfu"] == pytest.approx(line["flops_per_second"] / 1e12) and line["memory_gib"] > 0.1
    assert train(directory, *flags, "--gin.TRAIN_STEPS=12", "--overwrite_config") == 0
    events = EventAccumulator(str(directory / "events"), size_guidance={"tensors": 0}).Reload()
    assert steps_of(events, "toy_evaluation/mean_weight") == [5, 10, 12]
    assert steps_of(events, "loss") == [line["step"] for line in journal(directory)]
    summaries = EventAccumulator(
        str(directory / "events" / "summaries"), size_guidance={"tensors": 0}
    ).Reload()
    assert steps_of(summaries, "batch/video") == [4, 8, 12]


def test_a_profile_of_a_few_steps(tmp_path, capsys):
    assert train(tmp_path / "run", "--profile") == 0
    assert "tensorboard --logdir=" in capsys.readouterr().err
    traces = list((tmp_path / "run" / "events" / "plugins" / "profile").rglob("*.xplane.pb"))
    assert traces
    assert train(tmp_path / "run", "--gin.TRAIN_STEPS=21", "--overwrite_config") == 0
    assert traces[0].is_file()  # a later start leaves it


def test_dead_sound_raises_an_alarm(tmp_path, monkeypatch, capsys):
    batch_of = toys.ToyData._batch

    def silent(self, rows, step, seed):
        batch = batch_of(self, rows, step, seed)
        return {**batch, "audio": batch["audio"] * 0 + 0.5}

    monkeypatch.setattr(toys.ToyData, "_batch", silent)
    assert train(tmp_path / "run", "--gin.TRAIN_STEPS=6") == 0
    told = [line["alarms"] for line in journal(tmp_path / "run") if "alarms" in line]
    assert len(told) == 1 and "any audio that says something" in told[0][0]
    assert "warning: Step 1: no clip of this batch has any audio" in capsys.readouterr().err


def test_damage_met_on_the_way_is_on_record(tmp_path, monkeypatch):
    monkeypatch.setattr(toys.ToyData, "facts", {"corrupt_records": lambda: 3})
    directory = tmp_path / "run"
    assert train(directory, "--gin.TRAIN_STEPS=10") == 0
    lines = journal(directory)
    assert lines[-1]["damaged_records"] == 3
    assert [line["alarms"] for line in lines if "alarms" in line] == [
        [
            "3 records of the training data could not be read; the next one stood in each time. Look at the "
            "prepared set (`vatt doctor`)."
        ]
    ]
    newest = directory / "checkpoints" / "ckpt-10.index"
    newest.write_bytes(newest.read_bytes()[:-1])
    assert train(directory, "--gin.TRAIN_STEPS=10") == 0
    (incident,) = (json.loads(line) for line in (directory / "incidents.jsonl").read_text().splitlines())
    assert (incident["step"], incident["kind"]) == (10, "checkpoint set aside")
    assert "ckpt-10.index was changed after it was written" in incident["sentence"]
    assert incident["time"].endswith("+00:00")


def test_wrong_numbers_are_refused_before_anything_is_built(tmp_path, monkeypatch, capsys):
    def build(*_, **__):
        raise AssertionError("built")

    monkeypatch.setattr(toys.ToyData, "__init__", build)
    assert train(tmp_path / "run", "--gin.Execution.steps_per_loop=3") == 2
    assert "must be a multiple of `Execution.steps_per_loop`" in capsys.readouterr().err


def test_evaluators_have_intervals_of_their_own(tmp_path):
    flags = (
        "--gin.Evaluation.evaluators=[@ToyEvaluator(), @slow/Scheduled()]",
        "--gin.Evaluation.every=4",
        "--gin.slow/Scheduled.evaluator=@slow/ToyEvaluator()",
        '--gin.slow/ToyEvaluator.name="slow"',
        "--gin.slow/Scheduled.every=10",
    )
    assert train(tmp_path / "run", *flags) == 0
    history = (tmp_path / "run" / "evaluations" / "history.jsonl").read_text().splitlines()
    measured = {line["step"]: sorted(line.keys() - {"step"}) for line in map(json.loads, history)}
    fast, slow = "toy_evaluation/mean_weight", "slow/mean_weight"
    assert measured == {4: [fast], 8: [fast], 10: [slow], 12: [fast], 16: [fast], 20: [slow, fast]}
    assert json.loads((tmp_path / "run" / "metrics.json").read_text()).keys() == {"step", fast, slow}


def test_a_failing_evaluator_stops_the_run_by_name(tmp_path, monkeypatch, capsys):
    def fail(self, model):
        raise KeyError("captions")

    monkeypatch.setattr(toys.ToyEvaluator, "evaluate", fail)
    assert train(tmp_path / "run", "--gin.Evaluation.every=4") == 2
    assert "The evaluator `toy_evaluation` failed at step 4: 'captions'" in capsys.readouterr().err
    assert "KeyError" in (tmp_path / "run" / "traceback.txt").read_text()


def test_steps_are_taken_while_a_checkpoint_is_written_and_the_last_is_waited_for(tmp_path, monkeypatch):
    save, done, during = CheckpointFolder.save, [], []

    def slow(self, step, snapshot, *, facts=None):
        if step == 5:
            written.wait(60)  # until the line of step 7 is there
        save(self, step, snapshot, facts=facts)
        done.append(step)

    written, line = threading.Event(), RunRecords.line

    def line_of(self, line_):
        line(self, line_)
        if line_["step"] == 7:
            during.append(list(done))
            written.set()

    monkeypatch.setattr(CheckpointFolder, "save", slow)
    monkeypatch.setattr(RunRecords, "line", line_of)
    directory = tmp_path / "run"
    assert train(directory, "--gin.Checkpoints.every=5", "--gin.Logging.every=1", "--gin.TRAIN_STEPS=12") == 0
    assert during == [[]] and done == [5, 10, 12]
    assert CheckpointFolder(directory / "checkpoints").newest() == 12


def test_a_checkpoint_that_was_not_written_ends_the_run(tmp_path, monkeypatch, capsys):
    def full(self, step, snapshot, *, facts=None):
        raise RunError(f"The checkpoint of step {step} could not be written.")

    monkeypatch.setattr(CheckpointFolder, "save", full)
    directory = tmp_path / "run"
    assert train(directory, "--gin.Checkpoints.every=5", "--gin.Logging.every=1") == 2
    assert "The checkpoint of step 5 could not be written." in capsys.readouterr().err
    assert journal(directory)[-1]["step"] <= 10  # where the next save would have begun
