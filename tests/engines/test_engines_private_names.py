"""Each private name of TensorFlow that is used does what it is used for."""

import threading

import pytest
import tensorflow as tf

from vatt.engines import private_names


def test_a_call_in_a_context_of_cancellation_is_ended():
    manager, queue = private_names.CancellationManager(), tf.queue.FIFOQueue(1, tf.int32, shapes=())
    waiting = tf.function(queue.dequeue)
    waiting.get_concrete_function()
    threading.Timer(0.05, manager.start_cancel).start()
    with private_names.CancellationManagerContext(manager), pytest.raises(tf.errors.CancelledError):
        waiting()
    assert manager.is_cancelled


def test_the_registry_holds_the_gradient_of_a_custom_gradient_in_a_graph():
    @tf.custom_gradient
    def same(x):
        return tf.identity(x), lambda upstream: upstream

    before = set(private_names.GRADIENTS)
    tf.function(lambda x: same(x), autograph=False).get_concrete_function(tf.TensorSpec((), tf.float32))
    added = set(private_names.GRADIENTS) - before
    assert added and all(name.startswith("CustomGradient-") for name in added)
    assert all(callable(private_names.GRADIENTS[name]["type"]) for name in added)


def test_a_graph_knows_the_functions_that_it_calls():
    inner = tf.function(lambda x: tf.matmul(x, x), autograph=False)
    outer = tf.function(lambda x: inner(x), autograph=False)
    graph = outer.get_concrete_function(tf.TensorSpec((2, 2), tf.float32)).graph
    (call,) = (each for each in graph.get_operations() if each.type.endswith("PartitionedCall"))
    function = private_names.function_in(graph, call.get_attr("f").name)
    assert "MatMul" in {each.type for each in function.graph.get_operations()}
    assert private_names.function_in(graph, "no such name") is None
