"""Recomputed blocks: the same output and the same gradients, with every random draw on."""

import numpy as np
import pytest
import tensorflow as tf

from vatt.layers import draws
from vatt.layers.architecture import Form, Size
from vatt.layers.relative_bias import RelativeBias
from vatt.layers.transformer_encoder import TransformerEncoder


def run(recompute, **options):
    """Output and gradients by path, with respect to the tokens under ""."""
    encoder = TransformerEncoder(
        size=Size(depth=2, width=8, hidden_width=16, heads=2, head_width=4, recompute=recompute),
        dropout_rate=0.3,
        **options,
    )
    encoder.build()
    generator = np.random.default_rng(0)
    for weight in encoder.weights:
        weight.assign(generator.normal(size=weight.shape) * 0.3)
    tokens = tf.constant(generator.normal(size=(3, 5, 8)), tf.float32)
    words = tf.constant([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0], [1, 1, 1, 1, 1]])
    key = tf.constant([[7, 0], [7, 1], [7, 2]])

    @tf.function(autograph=False)
    def both():
        with tf.GradientTape() as tape:
            tape.watch(tokens)
            with draws.keyed(key):
                output = encoder(tokens, words=words, training=True)
            total = tf.reduce_sum(tf.square(output))
        sources = [tokens, *(weight.value for weight in encoder.trainable_weights)]
        return output, [tf.convert_to_tensor(gradient) for gradient in tape.gradient(total, sources)]

    output, gradients = both()
    names = ["", *(weight.path for weight in encoder.trainable_weights)]
    return output, dict(zip(names, gradients, strict=True)), both.get_concrete_function().graph


@pytest.mark.parametrize(
    "make_options",
    [dict, lambda: {"relative_bias": RelativeBias(buckets=8), "form": Form(attention_norm="rms")}],
    ids=["vit", "t5"],
)
def test_gradients_are_the_same(make_options):
    output, gradients, graph = run(False, **make_options())
    same_output, same_gradients, longer = run(True, **make_options())
    np.testing.assert_allclose(same_output, output, rtol=1e-6, atol=1e-6)
    for name, value in gradients.items():
        assert np.abs(value).max() > 0 or name.endswith("key/bias")
        np.testing.assert_allclose(same_gradients[name], value, rtol=1e-4, atol=1e-5, err_msg=name)

    def softmaxes(graph):
        return sum(operation.type == "Softmax" for operation in graph.get_operations())

    assert softmaxes(longer) == 2 * softmaxes(graph)  # forward, and once more in the backward pass
