"""The job and what a configuration may switch on: steps per loop, the average, float16; what it refuses."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tests.toy_run import in_a_folder_of_its_own  # noqa: F401
from vatt import main
from vatt.engines.tensorflow.engine import TensorFlowEngine
from vatt.engines.tensorflow.step import TrainStep
from vatt.errors import reason_of
from vatt.train import relations
from vatt.train.checkpoint_folder import CheckpointFolder


def train(model_dir, *flags) -> int:
    return main.main(["--gin_file=toy.gin", f'--gin.MODEL_DIR="{model_dir}"', *flags])


def saved(model_dir, step):
    reader = tf.train.load_checkpoint(str(CheckpointFolder(model_dir / "checkpoints").prefix(step)))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def journal(model_dir):
    return [json.loads(line) for line in (model_dir / "journal.jsonl").read_text().splitlines()]


IN_LOOPS = (
    "--gin.Execution.steps_per_loop=4",
    "--gin.Logging.every=4",
    "--gin.CHECKPOINT_EVERY=8",
    "--gin.TRAIN_STEPS=10",
)


def test_steps_per_loop_change_nothing_but_the_journal(tmp_path):
    assert train(tmp_path / "one", "--gin.TRAIN_STEPS=10") == 0
    assert train(tmp_path / "four", *IN_LOOPS) == 0
    one, four = saved(tmp_path / "one", 10), saved(tmp_path / "four", 10)
    assert one.keys() == four.keys()
    for name, value in one.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, four[name], err_msg=name)
    lines = journal(tmp_path / "four")
    assert [line["step"] for line in lines] == [4, 8, 10]
    losses = {line["step"]: line["loss"] for line in journal(tmp_path / "one")}
    assert all(line["loss"] == losses[line["step"]] for line in lines)
    assert all(0 < line["data_wait_share"] < 1 for line in lines)


def test_calls_of_several_steps_that_are_chosen_change_nothing_at_all(tmp_path, monkeypatch):
    flags = ("--gin.Logging.every=4", "--gin.CHECKPOINT_EVERY=6", "--gin.Evaluation.every=5")
    assert train(tmp_path / "one", *flags, "--gin.TRAIN_STEPS=10") == 0
    monkeypatch.setattr(TensorFlowEngine, "is_accelerated", True)
    monkeypatch.setattr(relations, "_SECONDS_OF_A_CALL", 1e6)
    counts, run = [], TrainStep.run
    monkeypatch.setattr(TrainStep, "run", lambda self, rows, n: counts.append(n) or run(self, rows, n))
    assert train(tmp_path / "many", *flags, "--gin.TRAIN_STEPS=7") == 0
    assert counts == [1, 3, 1, 1, 1]  # to the first line, 4 (line), 5 (evaluation), 6 (checkpoint), the end
    assert train(tmp_path / "many", *flags, "--gin.TRAIN_STEPS=10", "--overwrite_config") == 0
    one, many = saved(tmp_path / "one", 10), saved(tmp_path / "many", 10)
    for name, value in one.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, many[name], err_msg=name)
    losses = [(line["step"], line.get("loss")) for line in journal(tmp_path / "many")]
    assert set(losses) >= {(line["step"], line.get("loss")) for line in journal(tmp_path / "one")}


def test_a_bad_step_inside_a_loop_is_named(tmp_path, capsys):
    assert train(tmp_path / "run", *IN_LOOPS, "--gin.ToyData.poisoned_step=9") == 2
    assert "Received at step 10: loss=nan" in capsys.readouterr().err
    assert CheckpointFolder(tmp_path / "run" / "checkpoints").newest() == 8


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--gin.Execution.steps_per_loop=4",), "`Checkpoints.every` must be a multiple of"),
        (("--gin.Execution.gradients=@Cached()", "--gin.Cached.rows=3"), "`Cached.rows` must divide"),
        (
            ("--gin.Execution.gradients=@Accumulated()", "--gin.Accumulated.parts=0"),
            "`Accumulated.parts` must be at least 1",
        ),
    ],
)
def test_settings_that_contradict_each_other(tmp_path, capsys, flags, message):
    assert train(tmp_path / "run", *flags) == 2
    assert message in capsys.readouterr().err


AVERAGED = (
    "--gin.Optimization.average=@WeightAverage()",
    "--gin.WeightAverage.decay=0.9",
    "--gin.TRAIN_STEPS=5",
)


def test_evaluators_see_the_average_and_the_checkpoint_holds_both(tmp_path):
    assert train(tmp_path / "run", *AVERAGED) == 0
    held = saved(tmp_path / "run", 5)
    averages = {name: value for name, value in held.items() if name.startswith("average/averages/")}
    kernel = next(v for n, v in held.items() if n.startswith("model/") and "audio" in n and "kernel" in n)
    average = next(value for value in averages.values() if value.shape == kernel.shape)
    assert not np.array_equal(kernel, average)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["toy_evaluation/mean_weight"] == pytest.approx(average.mean(), rel=1e-5)


def test_what_a_loss_learns_is_saved_and_goes_on(tmp_path):
    flags = ("--gin.Trainer.loss=@LearnedToyLoss()", "--gin.Optimization.average=@WeightAverage()")
    assert train(tmp_path / "whole", *flags, "--gin.TRAIN_STEPS=10") == 0
    assert train(tmp_path / "run", *flags, "--gin.TRAIN_STEPS=5") == 0
    assert train(tmp_path / "run", *flags, "--gin.TRAIN_STEPS=10", "--overwrite_config") == 0
    scales = {}
    for place, step in (("whole", 5), ("whole", 10), ("run", 10)):
        held = saved(tmp_path / place, step)
        scales[place, step] = next(
            v for n, v in held.items() if n.startswith("loss/") and "OPTIMIZER" not in n
        )
    assert len({2.0, scales["whole", 5].item(), scales["whole", 10].item()}) == 3
    assert scales["whole", 10] == scales["run", 10]


def test_float16_scales_its_loss(tmp_path):
    flags = ('--gin.run.precision="mixed_float16"', "--gin.TRAIN_STEPS=4")
    assert train(tmp_path / "run", *flags) == 0
    held = saved(tmp_path / "run", 4)
    scale = next(value for name, value in held.items() if name.startswith("loss_scale/value"))
    assert scale == 2.0**15
    assert journal(tmp_path / "run")[-1]["loss"] > 0


def test_what_fails_inside_the_compiled_loop_is_one_sentence():
    @tf.function
    def read(iterator):
        return iterator.get_next()

    def fail(number):
        with tf.control_dependencies([tf.debugging.Assert(number < 0, ["Records must be whole.", number])]):
            return number + 1

    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        read(iter(tf.data.Dataset.range(3).map(fail)))
    assert reason_of(caught.value) == "Records must be whole. 0"
