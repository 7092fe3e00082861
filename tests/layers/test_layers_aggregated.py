"""AGG's output alone: the row that the whole encoder gives, its gradients, and fewer operations."""

import numpy as np
import pytest
import tensorflow as tf

from vatt.engines.tensorflow.telemetry import count_flops
from vatt.layers import draws
from vatt.layers.architecture import Form, Size
from vatt.layers.attention import LONG
from vatt.layers.relative_bias import RelativeBias
from vatt.layers.transformer_encoder import TransformerEncoder
from vatt.plan.layers import encoder_costs

ROWS, WIDTH = 2, 8
ENCODERS = {
    "vit": (5, lambda: {}),
    "long": (LONG, lambda: {}),
    "post": (5, lambda: {"form": Form(norm_placement="post")}),
    "t5": (5, lambda: {"form": Form(attention_norm="rms"), "relative_bias": RelativeBias(buckets=8)}),
}


@pytest.mark.parametrize("recompute", [False, True], ids=["kept", "recomputed"])
@pytest.mark.parametrize("name", ENCODERS)
def test_it_is_the_first_row_of_the_whole(name, recompute):
    length, options = ENCODERS[name]
    encoder = TransformerEncoder(
        size=Size(depth=2, width=WIDTH, hidden_width=16, heads=2, head_width=4, recompute=recompute),
        dropout_rate=0.3,
        **options(),
    )
    encoder.build()
    generator = np.random.default_rng(0)
    for weight in encoder.weights:
        weight.assign(generator.normal(size=weight.shape) * 0.3)
    tokens = tf.constant(generator.normal(size=(ROWS, length, WIDTH)), tf.float32)
    words = tf.constant(generator.random((ROWS, length)) < 0.7)
    weights = [weight.value for weight in encoder.trainable_weights]

    def of(encode):
        @tf.function(autograph=False)
        def both():
            with tf.GradientTape() as tape:
                tape.watch(tokens)
                with draws.keyed(tf.constant([[7, 0], [7, 1]])):
                    front = encode(tokens, words=words, training=True)
                total = tf.reduce_sum(tf.square(front))
            return front, tape.gradient(total, [tokens, *weights], unconnected_gradients="zero")

        return *both(), count_flops(both.get_concrete_function().graph)

    whole, gradients, operations = of(lambda *args, **options: encoder(*args, **options)[:, 0])
    front, own, fewer = of(lambda *args, **options: encoder.aggregated(*args, **options)[0])
    np.testing.assert_allclose(front, whole, rtol=1e-5, atol=1e-6)
    for one, other in zip(own, gradients, strict=True):
        np.testing.assert_allclose(
            tf.convert_to_tensor(one), tf.convert_to_tensor(other), rtol=1e-4, atol=1e-5
        )
    saved = [encoder_costs(encoder, length, padding=True, front=front)[0].products for front in (False, True)]
    assert operations - fewer >= 2 * ROWS * (saved[0] - saved[1])


def test_outside_training_the_two_are_one_encoding():
    encoder = TransformerEncoder(size=Size(depth=1, width=WIDTH, hidden_width=16, heads=2, head_width=4))
    encoder.build()
    tokens = tf.random.stateless_normal((ROWS, 3, WIDTH), (0, 0))
    front, rest = encoder.aggregated(tokens)
    whole = encoder(tokens)
    np.testing.assert_array_equal(front, whole[:, 0])
    np.testing.assert_array_equal(rest, whole[:, 1:])
