"""One command, end to end on toys: train, continue, refuse, stop on a signal."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import gin
import numpy as np
import pytest
import tensorflow as tf

from tests import toys
from tests.toy_run import TOY, in_a_folder_of_its_own  # noqa: F401
from vatt import cli, main
from vatt.errors import RunError, reason_of
from vatt.train import progress
from vatt.train.checkpoint_folder import CheckpointFolder


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """An uninterrupted run of 20 steps; copy it before changing anything."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "toy.gin").write_text(TOY)
    status = main.main([f"--gin_file={folder}/toy.gin", f'--gin.MODEL_DIR="{folder}/run"'])
    assert status == 0
    return folder / "run"


def train(model_dir, *flags) -> int:
    return main.main(["--gin_file=toy.gin", f'--gin.MODEL_DIR="{model_dir}"', *flags])


def values(directory, step) -> dict[str, np.ndarray]:
    reader = tf.train.load_checkpoint(str(CheckpointFolder(directory / "checkpoints").prefix(step)))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def assert_same_weights(left, right, step=20):
    left, right = values(left, step), values(right, step)
    assert left.keys() == right.keys()
    assert len(left) > 10  # weights and both of Adam's moments
    for name, value in left.items():
        if isinstance(value, np.ndarray):  # not the description of the object graph
            np.testing.assert_array_equal(value, right[name], err_msg=name)


def journal_steps(directory) -> list[int]:
    return [json.loads(line)["step"] for line in (directory / "journal.jsonl").read_text().splitlines()]


def test_a_run_leaves_everything_behind(finished):
    assert journal_steps(finished) == [1, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20]
    assert CheckpointFolder(finished / "checkpoints").steps() == [10, 15, 20]
    line = json.loads((finished / "journal.jsonl").read_text().splitlines()[-1])
    assert {"loss", "loss/video_audio", "learning_rate", "clips_per_second", "data_wait_share"} <= line.keys()
    evaluation = json.loads((finished / "evaluations" / "toy_evaluation.json").read_text())
    assert evaluation["step"] == 20
    assert evaluation["artifact"] == {"note": "shown in the report"}
    metrics = json.loads((finished / "metrics.json").read_text())
    assert metrics["toy_evaluation/mean_weight"] == evaluation["metrics"]["toy_evaluation/mean_weight"]
    assert "adam.beta_1 = 0.9" in (finished / "operative.gin").read_text()
    assert "tensorflow" in (finished / "command.txt").read_text()
    assert (finished / "report.html").is_file()
    assert list((finished / "events").glob("events.*"))


def test_the_recorded_configuration_repeats_the_run(finished, tmp_path):
    shutil.copy(finished / "config.gin", tmp_path / "again.gin")
    assert main.main(["--gin_file=again.gin", f'--gin.MODEL_DIR="{tmp_path}/again"']) == 0
    assert_same_weights(finished, tmp_path / "again")


def test_a_stopped_run_continues_bit_for_bit(finished, tmp_path, monkeypatch, capsys):
    real = progress.ProgressDisplay.show

    def press_ctrl_c(self, step, line):
        real(self, step, line)
        if step == 10:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(progress.ProgressDisplay, "show", press_ctrl_c)
    handler = signal.getsignal(signal.SIGINT)
    directory = tmp_path / "a run"
    assert train(directory) == 130
    told = capsys.readouterr().err
    assert "Stopped at step 10 of 20; saved." in told
    assert f'--gin.MODEL_DIR="{directory}"\'' in told  # quoted for the shell
    assert signal.getsignal(signal.SIGINT) is handler
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert train(directory) == 0
    assert_same_weights(finished, directory)
    assert journal_steps(directory) == sorted(set(journal_steps(directory)))


def test_a_finished_run_says_so_and_restores_a_lost_report(finished, tmp_path, capsys):
    directory = shutil.copytree(finished, tmp_path / "run")
    (directory / "report.html").unlink()
    before = (directory / "journal.jsonl").read_text()
    assert train(directory) == 0
    assert "finished: 20 of 20 steps" in capsys.readouterr().err
    assert (directory / "report.html").is_file()
    assert (directory / "journal.jsonl").read_text() == before


def test_a_damaged_newest_checkpoint_is_set_aside(finished, tmp_path, capsys):
    directory = shutil.copytree(finished, tmp_path / "run")
    data = directory / "checkpoints" / "ckpt-20.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)
    (directory / "checkpoints" / "checkpoint").write_text("")  # a state file that a crash left empty
    assert train(directory) == 0
    told = capsys.readouterr().err
    assert "ckpt-20 is damaged" in told
    assert "Resuming from step 15 of 20." in told
    assert (directory / "checkpoints" / "damaged" / "ckpt-20.index").is_file()
    assert_same_weights(finished, directory)
    assert journal_steps(directory).count(16) == 1


def test_another_configuration_is_refused_with_the_difference(finished, tmp_path, capsys):
    directory = shutil.copytree(finished, tmp_path / "run")
    assert train(directory, "--gin.warmup_quarter_cosine.peak=1e-3") == 2
    told = capsys.readouterr().err
    assert "-warmup_quarter_cosine.peak = 0.01" in told
    assert "+warmup_quarter_cosine.peak = 0.001" in told
    assert "Traceback" not in told
    assert train(directory, "--gin.TRAIN_STEPS=22", "--overwrite_config") == 0
    assert journal_steps(directory)[-1] == 22


def test_a_start_that_failed_does_not_bind_the_directory(tmp_path, capsys):
    directory = tmp_path / "run"
    assert train(directory, "--gin.TRAIN_STEPS=0") == 2
    assert "must be at least 1. Received: 0" in capsys.readouterr().err
    assert train(directory, "--gin.TRAIN_STEPS=1") == 0
    assert train(directory, "--gin.TRAIN_STEPS=2") == 2  # now there is something to lose


def test_a_recorded_configuration_that_can_not_be_read_is_named(finished, tmp_path, capsys):
    directory = shutil.copytree(finished, tmp_path / "run")
    (directory / "config.gin").write_bytes(b"\xff\xfe [")
    assert train(directory) == 2
    assert "config.gin can not be read" in capsys.readouterr().err


def test_what_tensorflow_says_becomes_a_sentence():

    def check(number):
        with tf.control_dependencies([tf.debugging.Assert(number > 0, ["Received:", number, "a/shard"])]):
            return tf.identity(number)

    broken = tf.data.Dataset.range(1).map(check)
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        next(iter(broken))
    assert reason_of(caught.value) == "Received: 0 a/shard"


@pytest.mark.parametrize(
    ("error", "place"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "report.html"), "where report.html is"),
        (
            tf.errors.ResourceExhaustedError(None, None, "events/x.v2; No space left on device"),
            r"\(events/x.v2; No space left on device\)",
        ),
    ],
)
def test_a_full_disk_is_a_sentence(finished, tmp_path, capsys, monkeypatch, error, place):
    directory = shutil.copytree(finished, tmp_path / "run")
    (directory / "report.html").unlink()

    def full(*_, **__):
        raise error

    monkeypatch.setattr("vatt.train.run_records.RunRecords.finish", full)
    assert train(directory) == 2
    assert re.search(f"The disk is full {place}. Make room", capsys.readouterr().err)


def test_a_run_directory_must_have_a_name(tmp_path, capsys):
    assert train("") == 2
    assert "must name the run directory" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["toy.gin"]


def test_a_value_that_python_stumbles_over_is_one_message(tmp_path, capsys):
    assert train(tmp_path / "run", "--gin.Evaluation.evaluators=3") == 2
    told = capsys.readouterr().err
    assert "may be of the wrong kind in 'Evaluation'" in told and "Traceback" not in told
    assert "Traceback" in (tmp_path / "run" / "traceback.txt").read_text()


def test_another_model_is_refused_by_its_checkpoint(finished, tmp_path, capsys):
    directory = shutil.copytree(finished, tmp_path / "run")
    flags = ("--gin.ToyModel.width=9", "--gin.TRAIN_STEPS=22", "--overwrite_config")
    assert train(directory, *flags) == 2
    assert "does not fit" in capsys.readouterr().err


def test_a_loss_that_is_not_finite_stops_the_run(finished, tmp_path, capsys):
    directory = tmp_path / "run"
    assert train(directory, "--gin.ToyData.poisoned_step=12") == 2
    told = capsys.readouterr().err
    assert "Received at step 13: loss=nan, loss/video_audio=nan" in told
    assert "toy_model/audio/kernel" in told
    assert CheckpointFolder(directory / "checkpoints").newest() == 10
    assert_same_weights(finished, directory, step=10)


def test_a_directory_in_use_is_refused(finished, tmp_path, capsys):
    import filelock

    directory = shutil.copytree(finished, tmp_path / "run")
    with filelock.FileLock(directory / ".lock"):
        assert train(directory) == 2
    assert "One run at a time" in capsys.readouterr().err


def test_a_directory_that_can_not_be_made_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert train(tmp_path / "file" / "run") == 2
    assert "must be writable" in capsys.readouterr().err


def test_a_dry_run_describes_and_writes_nothing(tmp_path, capsys):
    assert train(tmp_path / "run", "--dry_run") == 0
    told = capsys.readouterr()
    assert "Trainer.model = @ToyModel()" in told.out
    assert "toy_model/audio" in told.err and "First batch:\n" in told.err
    assert not (tmp_path / "run").exists()


def test_a_dry_run_looks_at_a_few_rows_of_a_large_batch(tmp_path, capsys):
    assert train(tmp_path / "run", "--dry_run", "--gin.BATCH_SIZE=96") == 0
    told = capsys.readouterr().err
    assert "First batch, 32 of its 96 rows:" in told and "(32, 16)" in told


def test_a_store_that_is_not_served_is_no_folder(tmp_path, capsys):
    assert train("hdfs://node/run") == 2
    assert "Received: hdfs://node/run. Mount it" in capsys.readouterr().err
    gin.clear_config()  # else it is locked, and the demo of `prepare` registers itself
    assert cli.main(["prepare", "folder", str(tmp_path), "hdfs://node/records"]) == 2
    assert "Received: hdfs://node/records. Mount it" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["toy.gin"]  # no folder named "hdfs:"


def test_too_little_memory_says_what_needs_less(tmp_path, capsys, monkeypatch):
    def fail(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[9,9]")

    monkeypatch.setattr(toys.ToyLoss, "__call__", fail)
    assert train(tmp_path / "run") == 2
    told = capsys.readouterr().err
    assert "OOM when allocating tensor with shape[9,9]. Take a smaller --batch_size" in told


def test_16_bit_arithmetic_keeps_32_bit_weights(tmp_path):
    flags = ('--gin.run.precision="mixed_bfloat16"', "--gin.TRAIN_STEPS=4")
    try:
        assert train(tmp_path / "run", *flags) == 0
    finally:
        import keras

        keras.config.set_dtype_policy("float32")
    kernels = [value for name, value in values(tmp_path / "run", 4).items() if "kernel" in name]
    assert kernels and all(kernel.dtype == np.float32 for kernel in kernels)


def test_a_tpu_that_is_not_there_is_one_message(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TPU_NAME", "")
    assert train(tmp_path / "run", "--tpu=local") == 2
    assert "The strategy 'tpu' needs a TPU. Received: none at 'local'" in capsys.readouterr().err


def test_a_missing_value_is_one_message(capsys):
    assert main.main(["--gin_file=toy.gin"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: Every value marked %gin.REQUIRED")
    assert "Traceback" not in told


def test_a_run_without_a_gin_file_lists_what_is_there(capsys):
    assert main.main([]) == 2
    assert "experiments/pretrain.gin" in capsys.readouterr().err


def test_an_unknown_flag_names_the_closest(capsys):
    with pytest.raises(SystemExit) as caught:
        main.main(["--gin_file=toy.gin", "--dry-run"])
    assert caught.value.code == 2
    assert "Closest: `--dry_run`" in capsys.readouterr().err


def test_verbs(capsys):
    assert cli.main(["--help"]) == 0
    assert "prepare" in capsys.readouterr().out
    assert cli.main(["repotr"]) == 2
    assert "Closest: `report`" in capsys.readouterr().err
    assert cli.main(["train", "--gin_file=nowhere.gin"]) == 2
    assert "A gin file must exist" in capsys.readouterr().err


def test_help_does_without_tensorflow():
    code = "import sys, vatt.cli; vatt.cli.main(['--help']); assert 'tensorflow' not in sys.modules"
    subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, cwd=toys.__file__.rsplit("/", 2)[0]
    )


def test_a_missing_package_of_an_extra_is_named_with_the_extra(monkeypatch):
    monkeypatch.setattr(main, "_OF_TRAIN", ("scipy", "not-a-package"))
    with pytest.raises(RunError, match=r"no not-a-package here. `pip install 'vatt\[train\]'`"):
        main.import_tensorflow()


@pytest.mark.slow
def test_what_is_not_needed_is_not_loaded():
    """A third of the time of the import and 200 MB; those who need them afterwards get them."""
    program = (
        "import sys; from vatt import config; from vatt.main import configure_terminal, import_tensorflow\n"
        "configure_terminal(); import_tensorflow(); import keras\n"
        "config.load(['experiments/pretrain.gin'], [])\n"
        "unused = {'sklearn', 'matplotlib', 'jax', 'jaxlib', 'scipy.signal', 'scipy.interpolate'}\n"
        "assert not unused & set(sys.modules), unused & set(sys.modules)\n"
        "import matplotlib, sklearn, jax, tensorflow as tf\n"
        "assert float(jax.numpy.ones(3).sum()) == 3 == float(tf.reduce_sum(tf.ones(3)))"
    )
    others = ("TF_CPP_MIN_LOG_LEVEL", "KERAS_BACKEND")
    environment = {name: value for name, value in os.environ.items() if name not in others}
    path = str(Path(main.__file__).parents[1])
    subprocess.run([sys.executable, "-c", program], check=True, env=environment | {"PYTHONPATH": path})
