"""What an encoder collects is what its layers compute; roll-out is the product over the blocks."""

import keras
import numpy as np
import pytest

from vatt.layers.architecture import Form, Size
from vatt.layers.feed_forward import FeedForward
from vatt.layers.relative_bias import RelativeBias
from vatt.layers.transformer_encoder import PROBABILITIES, TOKENS, TRANSFORMED, TransformerEncoder
from vatt.models.intermediates import roll_out

SIZE = Size(depth=3, width=8, hidden_width=12, heads=2, head_width=3)
ENCODERS = {
    "pre": {"dropout_rate": 0.5},  # in training alone
    "post": {"form": Form(norm_placement="post")},
    "t5": {
        "form": Form(attention_norm="rms", use_bias=False, scale_scores=False),
        "relative_bias": lambda: RelativeBias(buckets=8),
    },
    "first": {
        "form": Form(feed_forward_norm="rms"),
        "relative_bias": lambda: RelativeBias(buckets=8, blocks="first"),
    },
    "half": {"dtype": "mixed_bfloat16"},
}
_random = np.random.default_rng(1)
SEQUENCE = _random.normal(size=(2, 5, 8)).astype("float32")
WORDS = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], "float32")


def built(name):
    keras.utils.set_random_seed(0)
    options = {key: value() if callable(value) else value for key, value in ENCODERS[name].items()}
    encoder = TransformerEncoder(size=SIZE, **options)
    encoder.build()
    return encoder


def as_float(tensor):
    return np.asarray(keras.ops.cast(tensor, "float32"))


@pytest.mark.parametrize("words", [None, WORDS], ids=["whole", "padded"])
@pytest.mark.parametrize("name", ENCODERS)
def test_what_is_collected_is_what_the_layers_compute(name, words, monkeypatch):
    encoder = built(name)
    seen, original = [], FeedForward.call

    def watched(layer, tokens, training=False):
        seen.append(original(layer, tokens, training=training))
        return seen[-1]

    with monkeypatch.context() as patch:
        patch.setattr(FeedForward, "call", watched)
        expected = encoder(SEQUENCE, words=words)
    names = (PROBABILITIES, TRANSFORMED, TOKENS)
    output, collected = encoder(SEQUENCE, words=words, collect=dict.fromkeys(names, as_float))
    np.testing.assert_allclose(as_float(output), as_float(expected), atol=0.05 if name == "half" else 1e-6)
    assert [len(collected[each]) for each in names] == [3, 3, 3] and len(seen) == 3
    end = collected[TOKENS][-1]
    end = end if encoder.final_norm is None else encoder.final_norm(end)
    np.testing.assert_allclose(as_float(end), as_float(output), atol=0.05 if name == "half" else 1e-6)
    for probabilities, transformed, wanted in zip(collected[PROBABILITIES], collected[TRANSFORMED], seen):
        np.testing.assert_allclose(transformed, as_float(wanted), atol=0.05 if name == "half" else 1e-6)
        assert probabilities.shape == (2, 2, 5, 5)
        np.testing.assert_allclose(probabilities.sum(axis=-1), 1.0, atol=0.02 if name == "half" else 1e-5)


def test_only_what_is_asked_for_is_collected():
    encoder = built("pre")
    _, collected = encoder(SEQUENCE, collect={TRANSFORMED: lambda values: values.shape})
    assert collected == {TRANSFORMED: [(2, 5, 8)] * 3}


def test_roll_out_is_the_product_over_the_blocks():
    random = np.random.default_rng(3)
    means = random.uniform(size=(3, 2, 5, 5)).astype("float32")
    means /= means.sum(axis=-1, keepdims=True)
    flow = np.asarray(roll_out(list(means)))
    for row in range(2):
        expected = np.eye(5)
        for mean in means[:, row]:
            expected = (0.5 * mean + 0.5 * np.eye(5)) @ expected
        np.testing.assert_allclose(flow[row], expected, atol=1e-5)
    np.testing.assert_allclose(flow.sum(axis=-1), 1.0, atol=1e-5)
