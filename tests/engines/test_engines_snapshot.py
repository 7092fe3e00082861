"""What is saved while training goes on: the values of its moment, under the names that a state reads."""

import numpy as np
import pytest
import tensorflow as tf

from tests.engines.training import Training
from vatt.engines.optimization import WeightAverage
from vatt.engines.tensorflow.state import State
from vatt.optimizers.factories import adam, lamb


@pytest.mark.parametrize(
    ("replicas", "optimizer"), [(1, adam), (1, lamb), (2, adam)], ids=["adam", "lamb", "adam-2"]
)
def test_steps_after_it_change_nothing_of_it(tmp_path, replicas, optimizer):
    training = Training(
        make_optimizer=lambda: optimizer(learning_rate=0.01), replicas=replicas, average=WeightAverage()
    )
    state = State(model=training.model, optimizer=training.optimizer, average=training.average)
    training.run(2)
    # What TensorFlow itself writes of the same objects.
    state._checkpoint().write(str(tmp_path / "at_once"))
    snapshot, weights = state.snapshot(), training.weights()
    training.run(2)
    snapshot.write(str(tmp_path / "later"))
    wanted, found = (tf.train.load_checkpoint(str(tmp_path / name)) for name in ("at_once", "later"))
    shapes = wanted.get_variable_to_shape_map()
    assert found.get_variable_to_shape_map() == shapes and len(shapes) > 20
    for name in shapes.keys() - {"_CHECKPOINTABLE_OBJECT_GRAPH"}:
        np.testing.assert_array_equal(found.get_tensor(name), wanted.get_tensor(name), err_msg=name)
    state.read(str(tmp_path / "later"))
    for name, value in training.weights().items():
        np.testing.assert_array_equal(value, weights[name])


def test_what_can_not_be_written_is_an_os_error(tmp_path):
    holder = tf.Module()
    holder.value = tf.Variable(1.0)
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        State(model=holder).snapshot().write(str(tmp_path / "file" / "ckpt-1"))
