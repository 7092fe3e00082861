"""What is drawn, and when a graph makes its draws: a step's memory and a program's size hang on it."""

import math
import re

import numpy as np
import pytest
import tensorflow as tf

from vatt.layers import draws
from vatt.layers.architecture import Size
from vatt.layers.attention import LONG
from vatt.layers.transformer_encoder import TransformerEncoder


@pytest.mark.parametrize("length", [5, LONG], ids=["short", "long"])
def test_the_draws_of_a_layer_wait_for_what_it_drops(length):
    encoder = TransformerEncoder(
        size=Size(depth=2, width=8, hidden_width=16, heads=2, head_width=4), dropout_rate=0.3
    )
    encoder.build()

    @tf.function(autograph=False)
    def forward(tokens, key):
        with draws.keyed(key):
            return encoder(tokens, training=True)

    graph = forward.get_concrete_function(tf.zeros((3, length, 8)), tf.zeros((3, 2), tf.int32)).graph
    tokens = graph.inputs[0].op
    masks = [each for each in graph.get_operations() if each.type == "GreaterEqual"]
    assert len(masks) >= 9  # of two blocks the probabilities, hidden features and two results; of the end
    assert all(tokens in sources_of(mask) for mask in masks)


def hash_of(x):
    """lowbias32 of uint32 numbers."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
    return x ^ (x >> np.uint32(16))


@pytest.mark.parametrize("shape", [(2, 7), (2, 3, 5), (2, 2, 3, 4)])
def test_draws_are_hashes_of_the_number_of_an_element(shape):
    key, salt = np.array([[3, 5], [3, 9]], "int32"), 12345
    examples = hash_of(hash_of(key[:, 0].astype("uint32") ^ np.uint32(salt)) + key[:, 1].astype("uint32"))
    elements = hash_of(np.arange(np.prod(shape[1:]), dtype="uint32") + np.uint32(0x9E3779B9))
    wanted = (hash_of(examples[:, None] ^ elements) >> np.uint32(8)).astype("float32") * 2.0**-24
    with draws.keyed(key):
        for after in (None, np.ones((2, 2), "float32")):
            found = np.asarray(draws.uniform(shape, salt=salt, after=after))
            np.testing.assert_array_equal(found, wanted.reshape(shape))


@pytest.mark.parametrize("length", [LONG - 1, 3 * LONG], ids=["whole", "by_blocks"])
def test_no_draw_is_baked_into_a_compiled_program(length):
    size = Size(depth=1, width=32, hidden_width=256, heads=4, head_width=8)
    encoder = TransformerEncoder(size=size, dropout_rate=0.1)
    encoder.build()
    weights = [weight.value for weight in encoder.trainable_weights]

    @tf.function(autograph=False, jit_compile=True)
    def step(tokens, key):
        with tf.GradientTape() as tape, draws.keyed(key):
            energy = tf.reduce_sum(tf.square(encoder(tokens, training=True)))
        return tape.gradient(energy, weights)

    program = step.experimental_get_compiler_ir(tf.zeros((1, length, 32)), tf.zeros((1, 2), tf.int32))
    # A hash of the elements' numbers would be as large as what is dropped: 4 · length² probabilities.
    for stage in ("hlo", "optimized_hlo"):
        constants = re.findall(r"\[([\d,]+)\]\S* constant\(", program(stage=stage))
        sizes = [math.prod(map(int, each.split(","))) for each in constants]
        assert sizes and max(sizes) <= 4 * length


def sources_of(operation):
    found, front = set(), [operation]
    while front:
        here = front.pop()
        if here not in found:
            found.add(here)
            front += [each.op for each in here.inputs] + list(here.control_inputs)
    return found
