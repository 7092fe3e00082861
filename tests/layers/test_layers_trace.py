"""A traced encoder does what the encoder does, and roll-out is the product that it is said to be."""

import keras
import numpy as np
import pytest

from vatt.layers.architecture import Form, Size
from vatt.layers.feed_forward import FeedForward
from vatt.layers.trace import roll_out, trace_blocks
from vatt.layers.transformer import Encoder

SIZE = Size(depth=3, width=8, hidden_width=12, heads=2, head_width=3)
ENCODERS = {
    "pre": {"dropout_rate": 0.5},  # of training alone
    "post": {"form": Form(norm_placement="post")},
    "t5": {
        "form": Form(attention_norm="rms", use_bias=False, scale_scores=False),
        "relative_buckets": 8,
    },
    "first": {
        "form": Form(feed_forward_norm="rms"),
        "relative_buckets": 8,
        "relative_layers": "first",
    },
    "half": {"dtype": "mixed_bfloat16"},
}
_random = np.random.default_rng(1)
TOKENS = _random.normal(size=(2, 5, 8)).astype("float32")
WORDS = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], "float32")


def built(name):
    keras.utils.set_random_seed(0)
    encoder = Encoder(size=SIZE, **ENCODERS[name])
    encoder.build()
    return encoder


@pytest.mark.parametrize("words", [None, WORDS], ids=["whole", "padded"])
@pytest.mark.parametrize("name", ENCODERS)
def test_the_blocks_one_by_one_come_to_the_encoder_s_output(name, words, monkeypatch):
    encoder = built(name)
    seen, original = [], FeedForward.call

    def watched(layer, tokens, training=False):
        seen.append(original(layer, tokens, training=training))
        return seen[-1]

    with monkeypatch.context() as patch:
        patch.setattr(FeedForward, "call", watched)
        expected = encoder(TOKENS, words=words)
    traced = list(trace_blocks(encoder, TOKENS, words))
    end = traced[-1].tokens
    end = end if encoder.final_norm is None else encoder.final_norm(end)
    np.testing.assert_array_equal(keras.ops.cast(end, "float32"), keras.ops.cast(expected, "float32"))
    assert len(traced) == len(seen) == 3
    for block, transformed in zip(traced, seen, strict=True):
        np.testing.assert_array_equal(
            keras.ops.cast(block.transformed, "float32"), keras.ops.cast(transformed, "float32")
        )
        assert block.probabilities.shape == (2, 2, 5, 5)
        sums = keras.ops.sum(keras.ops.cast(block.probabilities, "float32"), axis=-1)
        np.testing.assert_allclose(sums, 1.0, atol=0.02 if name == "half" else 1e-5)


@pytest.mark.parametrize("name", ENCODERS)
def test_roll_out_is_the_product_over_the_blocks(name):
    encoder = built(name)
    traced = [
        np.asarray(keras.ops.cast(block.probabilities, "float32"))
        for block in trace_blocks(encoder, TOKENS, WORDS)
    ]
    flow = np.asarray(roll_out(iter(traced)))
    for row in range(2):
        expected = np.eye(5)
        for heads in traced:
            mean = heads[row].mean(axis=0)
            mean = mean / mean.sum(axis=1, keepdims=True)
            expected = (0.5 * mean + 0.5 * np.eye(5)) @ expected
        np.testing.assert_allclose(flow[row], expected, atol=1e-5)
    np.testing.assert_allclose(flow.sum(axis=-1), 1.0, atol=1e-5)
    assert np.all(flow[0, :3, 3:] == 0)  # no word gets anything from padding
