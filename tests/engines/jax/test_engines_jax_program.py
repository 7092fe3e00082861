"""Whole runs of `python -m vatt.main --engine jax`: their files, a kill and a resume, readers of the run."""

import json

import numpy as np
import pytest

from tests.engines.jax.processes import Process
from tests.miniature_runs import TINY, gin_file
from vatt.convert.run_directory import load_run

FLAGS = (
    "run.strategy='fsdp'",
    "TRAIN_STEPS=6",
    "CHECKPOINT_EVERY=2",
    "run.precision='float32'",
    "Checkpoints.keep=9",
)
# Where a gradient is nothing but rounding, as of a key's bias, Adam would make whole steps of it.
FLAGS += ("adam.epsilon=1e-3",)


class Runs:
    """Runs of the main job in miniature.

    Args:
        folder: of the runs and of what they share.
    """

    def __init__(self, folder):
        self.folder = folder

    def process(self, name, *options, devices):
        """One that trains in the folder `name`, on so many logical devices."""
        environment = {
            "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
            "JAX_COMPILATION_CACHE_DIR": str(self.folder / "compiled"),
        }
        return Process(
            "vatt.main",
            "--engine=jax",
            f"--data_dir={self.folder / 'demo'}",
            f"--gin_file={gin_file('pretrain')}",
            f"--gin_file={TINY}",
            f"--model_dir={self.folder / name}",
            *(f"--gin.{flag}" for flag in FLAGS),
            *options,
            environment=environment,
        )

    def finish(self, name, *, devices):
        """Trains to the end; the run directory."""
        with self.process(name, devices=devices) as process:
            process.finish()
        return self.folder / name

    def kill_after(self, name, step, *, devices):
        """Kills a run as soon as it has saved after so many steps."""
        with self.process(name, devices=devices) as process:
            process.kill_at(self.saved(name, step))

    def saved(self, name, step):
        """The file that a checkpoint ends with."""
        return self.folder / name / "checkpoints" / f"ckpt-{step}.json"


def lines(directory):
    found = map(json.loads, (directory / "journal.jsonl").read_text(encoding="utf-8").splitlines())
    return {line["step"]: line["loss"] for line in found}


def apart(one, other):
    """The difference of the weights of two runs over their norm, all of them as one vector."""
    pairs = zip(load_run(one).variables, load_run(other).variables, strict=True)
    flat = [np.concatenate([each.numpy().ravel() for each in side]) for side in zip(*pairs, strict=True)]
    return float(np.linalg.norm(flat[0] - flat[1]) / np.linalg.norm(flat[0]))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return Runs(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def whole(runs):
    """The directory of a run that nothing disturbed; for reading."""
    return runs.finish("whole", devices=4)


@pytest.mark.slow
def test_a_killed_run_resumes_bit_exactly_and_on_other_devices(runs, whole):
    """Also that a process on TensorFlow reads what a run on JAX wrote."""
    names = {path.name for path in whole.iterdir()}
    assert names >= {
        "checkpoints",
        "journal.jsonl",
        "metrics.json",
        "model.json",
        "inputs.json",
        "report.html",
    }
    runs.kill_after("killed", 2, devices=4)
    killed = runs.finish("killed", devices=4)
    assert apart(whole, killed) == 0 and lines(whole)[6] == lines(killed)[6]
    assert (whole / "metrics.json").read_text() == (killed / "metrics.json").read_text()

    runs.kill_after("moved", 2, devices=1)
    runs.kill_after("moved", 4, devices=4)
    moved = runs.finish("moved", devices=2)
    assert apart(whole, moved) < 1e-5
    assert lines(moved)[6] == pytest.approx(lines(whole)[6], rel=1e-5)
