"""A run that goes on with more replicas than it had: it ends where one that was never stopped ends."""

import signal

import numpy as np
import pytest
import tensorflow as tf

from tests.engines.training import strategy_of
from tests.toy_run import TOY
from vatt import main
from vatt.engines.tensorflow import strategy
from vatt.train import progress
from vatt.train.checkpoint_folder import CheckpointFolder

pytestmark = pytest.mark.slow


def weights(directory):
    reader = tf.train.load_checkpoint(str(CheckpointFolder(directory / "checkpoints").prefix(20)))
    values = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


def test_two_replicas_and_then_four(tmp_path, monkeypatch):
    (tmp_path / "toy.gin").write_text(TOY)

    def train(directory, replicas):
        monkeypatch.setitem(strategy.STRATEGIES, "mirrored", lambda: strategy_of(replicas))
        flags = [f'--gin.MODEL_DIR="{tmp_path / directory}"', '--gin.run.strategy="mirrored"']
        return main.main([f"--gin_file={tmp_path / 'toy.gin'}", *flags])

    assert train("undisturbed", 1) == 0
    show = progress.ProgressDisplay.show

    def stop_at_ten(self, step, line):
        show(self, step, line)
        if step == 10:
            signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patched:
        patched.setattr(progress.ProgressDisplay, "show", stop_at_ten)
        assert train("changed", 2) == 0
    assert CheckpointFolder(tmp_path / "changed" / "checkpoints").newest() == 10
    assert train("changed", 4) == 0

    one, changed = weights(tmp_path / "undisturbed"), weights(tmp_path / "changed")
    assert one.keys() == changed.keys() and len(one) > 10
    for name, value in one.items():
        np.testing.assert_allclose(changed[name], value, rtol=1e-5, atol=1e-5, err_msg=name)
    starts = (tmp_path / "changed" / "command.txt").read_text()
    assert "2 replica(s)" in starts and "4 replica(s)" in starts
