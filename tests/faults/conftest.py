"""A toy run that was never disturbed, and the means to disturb one."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.toy_run import TOY
from vatt import main
from vatt.train.checkpoint_folder import CheckpointFolder

ROOT = Path(__file__).parents[2]

# A run that sends itself a signal after a step: a real process, a real signal, at a place that is known.
_CHILD = """\
import os, signal, sys, time
from vatt import main
from vatt.train import progress

step, number, *flags = sys.argv[1:]
show = progress.ProgressDisplay.show

def show_and_signal(self, done, line):
    show(self, done, line)
    if done == int(step):
        print("signalled at", time.monotonic(), flush=True)
        os.kill(os.getpid(), int(number))

progress.ProgressDisplay.show = show_and_signal
sys.exit(main.main(flags))
"""


@pytest.fixture(scope="session")
def toy(tmp_path_factory):
    """Path of a configuration that trains 20 steps of a toy model, saving at every fifth."""
    path = tmp_path_factory.mktemp("toy") / "toy.gin"
    path.write_text(TOY)
    return path


@pytest.fixture(scope="session")
def train(toy):
    """train(directory, *flags) -> exit status, in this process."""

    def run(directory, *flags):
        return main.main([f"--gin_file={toy}", f'--gin.MODEL_DIR="{directory}"', *flags])

    return run


@pytest.fixture(scope="session")
def start(toy):
    """start(directory, *flags, signal=…, at=STEP) -> the process, which signals itself after that step."""

    def begin(directory, *flags, signal=0, at=-1, environment=None):
        arguments = [str(at), str(int(signal)), f"--gin_file={toy}", f'--gin.MODEL_DIR="{directory}"', *flags]
        return subprocess.Popen(
            [sys.executable, "-c", _CHILD, *arguments],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return begin


@pytest.fixture(scope="session")
def finished(train, tmp_path_factory):
    """Directory of an undisturbed run of 20 steps; copy it before changing anything."""
    directory = tmp_path_factory.mktemp("finished") / "run"
    assert train(directory) == 0
    return directory


@pytest.fixture
def newest():
    """newest(directory) -> step of the newest whole checkpoint."""
    return lambda directory: CheckpointFolder(directory / "checkpoints").newest()


@pytest.fixture
def weights():
    """weights(directory, step=20) -> every number of a checkpoint by name: weights, moments, step."""

    def read(directory, step=20):
        reader = tf.train.load_checkpoint(str(CheckpointFolder(directory / "checkpoints").prefix(step)))
        values = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
        # Not the description of the object graph, nor the counter of saves.
        return {name: value for name, value in values.items() if isinstance(value, np.ndarray | np.generic)}

    return read


@pytest.fixture
def assert_equal(weights):
    """assert_equal(left, right, step=20): two runs hold the same numbers, to the bit."""

    def check(left, right, step=20):
        one, other = weights(left, step), weights(right, step)
        assert one.keys() == other.keys() and len(one) > 10
        for name, value in one.items():
            np.testing.assert_array_equal(value, other[name], err_msg=name)

    return check
