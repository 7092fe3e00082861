"""What is traced in a run ends with those who use it."""

import gc

import gin
import tensorflow as tf
from keras import ops
from tensorflow.python.framework.func_graph import FuncGraph

from tests.toy_run import in_a_folder_of_its_own  # noqa: F401
from tests.toys import ToyModel
from vatt import main
from vatt.engines.tensorflow import graphs
from vatt.engines.tensorflow.engine import TensorFlowEngine
from vatt.engines.tensorflow.graphs import registered_gradients
from vatt.layers.lean import branches


@gin.register(module="graphs")
class Branched(ToyModel):
    """Has a custom gradient for each modality."""

    def call(self, inputs, training=False):
        outputs = super().call(inputs, training=training)
        return {name: sum(branches(value, 2)) for name, value in outputs.items()}


def kept():
    """Gradients in TensorFlow's registry, and graphs."""
    gc.collect()
    return registered_gradients(), {id(each) for each in gc.get_objects() if isinstance(each, FuncGraph)}


def test_trainings_in_one_process_leave_neither_graphs_nor_gradients(tmp_path):
    before, registered = kept(), []
    for number in range(3):
        flags = [f'--gin.MODEL_DIR="{tmp_path / str(number)}"', "--gin.Trainer.model=@Branched()"]
        assert main.main(["--gin_file=toy.gin", *flags, "--gin.TRAIN_STEPS=2"]) == 0
        registered.append(registered_gradients() - before[0])
        gradients, graphs = kept()
        assert gradients <= before[0] and len(graphs) <= len(before[1]), number
    assert all(registered), "none was made, so that none was freed"


def traced():
    """x -> x², whose gradient is said to be 5."""
    return tf.function(lambda x: square(x), autograph=False)


@ops.custom_gradient
def square(x):
    return x * x, lambda *upstream: 5 * upstream[-1]


def slope(function):
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return float(tape.gradient(y, x))


def test_who_keeps_a_graph_can_differentiate_it_after_the_run():
    before = kept()[0]
    engine = TensorFlowEngine(tf.distribute.get_strategy())
    with engine.scope():
        inner, gone = traced(), traced()
        outer = tf.function(lambda x: 2 * inner(x), autograph=False)
        outer(tf.constant(3.0)), gone(tf.constant(3.0))
        names = registered_gradients() - before
    inner = gone = None
    left = kept()[0] - before
    assert len(left) == 1 < len(names)
    assert slope(outer) == 10
    with engine.scope():
        pass
    assert slope(outer) == 10 and registered_gradients() - before == left
    outer = None
    assert not kept()[0] - before


def test_gradients_of_a_loaded_model_stay(tmp_path):
    module = tf.Module()
    module.call = tf.function(square, input_signature=[tf.TensorSpec((), tf.float32)])
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=True)
    tf.saved_model.save(module, str(tmp_path / "saved"), options=options)
    with TensorFlowEngine(tf.distribute.get_strategy()).scope():
        loaded = tf.saved_model.load(str(tmp_path / "saved"))
        loaded.call(tf.constant(3.0))
    gc.collect()
    assert slope(loaded.call) == 5


def test_a_gradient_that_refers_to_no_result_is_left_alone():
    """As TensorFlow 2.23's nightlies make it."""
    backward = tf.identity

    def tape_grad_fn(upstream):
        return backward(upstream)

    def internal_grad_fn(upstream):
        return tape_grad_fn(upstream)

    assert graphs._graph_of(internal_grad_fn) is None
