"""Two runs of one configuration agree to the last bit, however busy the machine is.

Of three and more tensors, TensorFlow's AddN adds first the one whose memory it may write the result into: one
that nobody else reads any more. Where others read the first of them too, the time at which they are done
decides the order, and the last place of the sum with it. (From about the ninetieth step on, when TensorFlow
has found out which operations are cheap, steps of equal runs were seen to differ.)
"""

import keras
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from vatt.engines.execution import WholeBatch
from vatt.engines.protocol import Task
from vatt.engines.tensorflow.gradients import gradients_of
from vatt.plan.configuration import Source, read

PRETRAIN = "experiments/pretrain.gin"
FINE_TUNE = ["experiments/finetune_demo.gin", "experiments/overlay/from_scratch.gin"]
ROWS = 4
# What hands its input's memory on.
VIEWS = ("Reshape", "Identity", "Squeeze", "ExpandDims")
CONFIGURATIONS = {
    "bfloat16": ([PRETRAIN], []),
    "float32": ([PRETRAIN], ["run.precision = 'float32'"]),
    "dropout": ([PRETRAIN], ["run.precision = 'float32'", "DROPOUT_RATE = 0.1"]),
    "streamed": ([PRETRAIN], ["run.precision = 'float32'", "ContrastiveLoss.block_rows = 2"]),
    "recomputed": ([PRETRAIN], ["run.precision = 'float32'", "Size.recompute = True"]),
    "agnostic": ([PRETRAIN, "experiments/overlay/agnostic.gin"], ["run.precision = 'float32'"]),
    "released": ([PRETRAIN], ["run.precision = 'float32'", "ContrastiveLoss.form = 'released'"]),
    "classifier": (FINE_TUNE, ["run.precision = 'float32'"]),
}


def test_a_sum_whose_order_is_open_is_found():
    def added(x, also):
        parts = [tf.reshape(each(x), (2, 2)) for each in (tf.exp, tf.sin, tf.cos)]
        return tf.add_n(parts), *(tf.sqrt(each(x)) for each in also)

    compiled = tf.function(added, autograph=False)
    assert sums_of_open_order(optimised(compiled, tf.ones(4), (tf.exp, tf.sin, tf.cos)))
    assert not sums_of_open_order(optimised(compiled, tf.ones(4), ()))


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_no_step_has_one(name):
    configuration = read(*CONFIGURATIONS[name])
    keras.config.set_dtype_policy(configuration.precision)
    job = configuration.job
    task = Task(
        model=configuration.model(Source()),
        loss=job.argument("loss"),
        device_inputs=job.argument("device_inputs"),
    )
    variables = task.model.trainable_variables

    find = gradients_of(WholeBatch(), task)

    @tf.function(autograph=False)
    def step(batch):
        return find(batch, variables, tf.constant(1.0))

    graph = optimised(step, noise(configuration.clip, getattr(task.model, "classes", 0)))
    assert any(node.op.endswith("AddN") for node in graph.node)
    assert sums_of_open_order(graph) == []


def noise(clip, classes):
    batch = {"draw_key": tf.stack([tf.zeros(ROWS, tf.int32), tf.range(ROWS)], axis=1)}
    if "video" in clip.modalities:
        batch["video"] = tf.zeros((ROWS, clip.frames, clip.frame_size, clip.frame_size, 3), tf.uint8)
    if "audio" in clip.modalities:
        batch["audio"] = tf.zeros((ROWS, clip.samples))
    if "text" in clip.modalities:
        batch["text"] = tf.ones((ROWS, clip.candidates, clip.words), tf.int32)
    if classes:
        batch["label"] = tf.one_hot(tf.range(ROWS) % classes, classes)
    return batch


def optimised(function, *arguments):
    """The graph that TensorFlow runs."""
    context.context().enable_graph_collection()
    try:
        function(*arguments)
        found = context.context().export_run_metadata().function_graphs
    finally:
        context.context().disable_graph_collection()
    return max((each.post_optimization_graph for each in found), key=lambda graph: len(graph.node))


def sums_of_open_order(graph):
    """Names of the sums of three and more whose first tensor is read by others too."""
    nodes = {node.name: node for node in graph.node}
    readers = {}
    for node in graph.node:
        for tensor in tensors(node):
            readers.setdefault(tensor, set()).add(node.name)

    def is_shared(tensor):
        if len(readers[tensor]) > 1:
            return True
        source = nodes[tensor.split(":")[0]]
        return source.op in VIEWS and is_shared(tensors(source)[0])

    sums = (node for node in graph.node if node.op.endswith("AddN") and node.attr["N"].i > 2)
    return [node.name for node in sums if is_shared(tensors(node)[0])]


def tensors(node):
    return [each if ":" in each else f"{each}:0" for each in node.input if not each.startswith("^")]
