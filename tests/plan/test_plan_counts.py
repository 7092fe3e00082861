"""Operations and parameters of small models, against TensorFlow's profiler, traced graphs, built models."""

import dataclasses

import pytest
import tensorflow as tf
from tensorflow.python.profiler import model_analyzer, option_builder

from tests.small_models import small_classifier, small_vatt
from vatt.engines.execution import WholeBatch
from vatt.engines.protocol import Task
from vatt.engines.tensorflow.gradients import gradients_of
from vatt.engines.tensorflow.step import TrainStep
from vatt.engines.tensorflow.telemetry import Telemetry, count_flops
from vatt.engines.tensorflow.update import Update
from vatt.layers.architecture import Size
from vatt.layers.log_mel import LogMel
from vatt.layers.pixels import ColourJitter, DeviceInputs
from vatt.losses.contrastive import ContrastiveLoss
from vatt.models.classifier import Classifier
from vatt.optimizers.factories import sgd
from vatt.plan.costs import clip_costs, pixel_costs, streams_of, total
from vatt.plan.count import Count
from vatt.plan.layers import block_costs, blocks_products
from vatt.plan.shapes import parts_of, weights_in, without_weights
from vatt.spec import ClipSpec

ROWS = 2
CLIP = ClipSpec(frames=8, frame_size=32, sample_rate_hz=2000)
TALLER = dataclasses.replace(CLIP, frame_size=48)  # than the position tables
SIZE = Size(depth=2, width=32, hidden_width=64, heads=2, head_width=16)
SHARED = {"clip": CLIP, "vocabulary_size": 50, "widths": (24, 12)}
RELEASED = {"form": "released", "table_width": 10, "normalise": False, "edge": "drop"}


def spectrogram():
    return LogMel(sample_rate_hz=2000, bins=10, highest_hz=900.0)


MODELS = {
    "specific": (lambda: small_vatt(SIZE, **SHARED), CLIP),
    "released": (lambda: small_vatt(SIZE, **SHARED, **RELEASED), CLIP),
    "spectrogram": (lambda: small_vatt(SIZE, **SHARED, log_mel=spectrogram()), CLIP),
    "agnostic": (lambda: small_vatt(SIZE, agnostic=True, **SHARED), CLIP),
    "without_projections": (lambda: small_vatt(SIZE, agnostic=True, projection_width=0, **SHARED), CLIP),
    "taller_clip": (lambda: small_vatt(SIZE, **SHARED), TALLER),
    "video": (lambda: small_classifier(SIZE, classes=10, clip=CLIP), CLIP),
    "audio": (
        lambda: small_classifier(SIZE, classes=10, clip=CLIP, modality="audio", use_bias=False),
        CLIP,
    ),
    "image": (lambda: small_classifier(SIZE, classes=10, clip=CLIP, modality="image"), CLIP),
}


def traced(model, clip, *, training=False):
    """The graph of a forward pass."""
    kinds = {
        "video": tf.TensorSpec((ROWS, clip.frames, clip.frame_size, clip.frame_size, 3)),
        "audio": tf.TensorSpec((ROWS, clip.samples)),
        "text": tf.TensorSpec((ROWS * clip.candidates, clip.words), tf.int32),
        "image": tf.TensorSpec((ROWS, clip.frame_size, clip.frame_size, 3)),
    }
    names = [model.modality] if isinstance(model, Classifier) else ["video", "audio", "text"]
    call = tf.function(lambda inputs: model(inputs, training=training), autograph=False)
    return call.get_concrete_function({name: kinds[name] for name in names}).graph


def profiled(graph) -> int:
    """What TensorFlow's profiler counts."""
    options = option_builder.ProfileOptionBuilder.float_operation()
    return model_analyzer.profile(graph, options={**options, "output": "none"}).total_float_ops


@pytest.mark.parametrize("name", MODELS)
def test_parameters_are_the_built_ones_and_the_true_count_the_profilers(name):
    make, clip = MODELS[name]
    with without_weights():
        planned = make()
        parts = {part: weights_in(layer.weights) for part, layer in parts_of(planned).items()}
        parameters = weights_in(planned.weights)
    model = make()
    assert sum(parts.values()) == parameters == model.count_params()

    graph = traced(model, clip)
    counted = total(clip_costs(model, clip, training=False), ROWS)
    assert "Einsum" not in {operation.type for operation in graph.get_operations()}  # it would count as 0
    assert counted.products == count_flops(graph)
    assert counted.profiled == pytest.approx(profiled(graph), rel=0.01)


def test_the_profiler_counts_a_product_as_we_think_and_an_einsum_not_at_all():
    kinds = [tf.TensorSpec((3, 4)), tf.TensorSpec((4, 5))]
    product = tf.function(tf.matmul).get_concrete_function(*kinds).graph
    einsum = tf.function(lambda a, b: tf.einsum("ab,bc->ac", a, b)).get_concrete_function(*kinds).graph
    assert (profiled(product), profiled(einsum)) == (2 * 3 * 4 * 5, 0)


def test_products_of_a_step_are_those_of_its_graph():
    size = dataclasses.replace(SIZE, depth=1, recompute=True)
    model = small_vatt(size, **SHARED, dropout_rate=0.0)
    inputs = DeviceInputs(colour=ColourJitter())
    rows = {
        "video": tf.zeros((ROWS, CLIP.frames, CLIP.frame_size, CLIP.frame_size, 3), tf.uint8),
        "audio": tf.zeros((ROWS, CLIP.samples)),
        "text": tf.ones((ROWS, CLIP.candidates, CLIP.words), tf.int32),
    }
    optimizer = sgd(learning_rate=0.1)
    optimizer.build(model.trainable_variables)
    task = Task(model=model, loss=ContrastiveLoss(), device_inputs=inputs)
    step = TrainStep(
        strategy=tf.distribute.get_strategy(),
        model=model,
        gradients=gradients_of(WholeBatch(), task),
        update=Update(optimizer=optimizer, variables=model.trainable_variables),
        seed=0,
    )
    forward = total(clip_costs(model, CLIP, training=True), ROWS)
    forward += ROWS * pixel_costs(inputs, CLIP, training=True)
    telemetry = Telemetry(task=task, rows=rows, replicas=1, peak_flops=None)
    assert ROWS * telemetry.clip_flops == 3 * forward.products  # it says three times, whatever has a gradient

    scores = 2 * 2 * ROWS * ROWS * (24 + CLIP.candidates * 12)  # in both directions
    again = sum(
        ROWS * stream.rows * blocks_products(stream.tower.encoder, stream.length(training=True), front=True)
        for stream in streams_of(model, CLIP)
    )
    graph = step.concrete_step({**rows, "example_index": tf.range(ROWS, dtype=tf.int64)}).graph
    unread = ROWS * 2 * 24 * 12  # the audio's embedding in the text's space is in no loss
    assert count_flops(graph) == forward.products + forward.backward + 3 * scores + again - unread


def test_a_block_by_hand():
    # Of N = 3 tokens: four maps of D = 32, two of 64; scores and mixing; everything else is elementwise.
    with without_weights():
        model = small_classifier(SIZE, classes=10, clip=CLIP)
        block = model.tower.encoder.blocks[0]
        count = block_costs(block, 3, 3, biased=False)
        of_first = block_costs(block, 3, 1, biased=False)
    maps = 2 * 3 * (4 * 32 * 32 + 2 * 32 * 64)
    attention = 2 * 2 * 3 * 3 * 32
    assert (count.products, count.mixing, count.softmax) == (maps + attention, attention // 2, 2 * 3 * 3)
    assert count.backward == 2 * count.products
    # Keys and values of all three, everything else of one.
    assert of_first.products == 2 * (2 * 3 * 32 * 32 + 2 * 32 * 32 + 2 * 32 * 64) + attention // 3
    assert count.paper == maps + attention // 2 + 5 * 18


def test_counts_add_and_multiply():
    one = Count(products=10, mixing=4, backward=20, dropped=1, softmax=2, elementwise=3, transform=7)
    assert 3 * one == one + one + one
    assert (one.true, one.profiled, one.paper) == (10 + 10 + 3 + 7, 23, 10 + 1 - 4 + 10)
