"""When a graph makes its random draws: the memory of a step hangs on it."""

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


def sources_of(operation):
    found, front = set(), [operation]
    while front:
        here = front.pop()
        if here not in found:
            found.add(here)
            front += [each.op for each in here.inputs] + list(here.control_inputs)
    return found
