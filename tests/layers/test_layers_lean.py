"""Layer and RMS normalisation and gelu against Keras' own: output and gradients, however they are run."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from vatt.layers.lean import LayerNorm, RMSNorm, gelu, softmax
from vatt.one_pass import compiling

_random = np.random.default_rng(1)
INPUTS = (_random.normal(size=(3, 5, 16)) * 2 + 0.5).astype("float32")
UPSTREAM = _random.normal(size=(3, 5, 16)).astype("float32")


def norm(constructor, dtype=None):
    made = constructor(epsilon=1e-6, name="norm", dtype=dtype)
    made.build((None, None, 16))
    made.gamma.assign(np.linspace(0.5, 2, 16))
    made.beta.assign(np.linspace(-1, 1, 16))
    return made


def run(function, weights=(), dtype=tf.float32, wrap=lambda function: function):
    inputs = tf.cast(INPUTS, dtype)

    def both():
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            output = function(inputs)
        gradients = tape.gradient(
            output, [inputs, *weights], output_gradients=tf.cast(UPSTREAM, output.dtype)
        )
        return output, *gradients

    return [each.numpy() for each in wrap(both)()]


def recording(made):
    """A compiler that adds to a list what it compiles."""

    def compiler(function):
        made.append(function)
        return tf.function(function, autograph=False, jit_compile=True)

    return compiler


WAYS = {"eager": lambda f: f, "graph": tf.function, "xla": lambda f: tf.function(f, jit_compile=True)}


@pytest.mark.parametrize("wrap", WAYS.values(), ids=WAYS)
def test_layer_norm(wrap):
    ours, wanted = norm(LayerNorm), norm(keras.layers.LayerNormalization)
    assert [weight.path for weight in ours.weights] == [weight.path for weight in wanted.weights]
    got = run(ours, [ours.gamma.value, ours.beta.value], wrap=wrap)
    for one, other in zip(got, run(wanted, [wanted.gamma.value, wanted.beta.value]), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def rms_norm(constructor, dtype=None):
    made = constructor(epsilon=1e-6, name="norm", dtype=dtype)
    made.build((None, None, 16))
    made.scale.assign(np.linspace(0.5, 2, 16))
    return made


@pytest.mark.parametrize("wrap", WAYS.values(), ids=WAYS)
def test_rms_norm(wrap):
    ours, wanted = rms_norm(RMSNorm), rms_norm(keras.layers.RMSNormalization)
    assert [weight.path for weight in ours.weights] == [weight.path for weight in wanted.weights]
    got = run(ours, [ours.scale.value], wrap=wrap)
    for one, other in zip(got, run(wanted, [wanted.scale.value]), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("wrap", WAYS.values(), ids=WAYS)
def test_gelu(wrap):
    for one, other in zip(
        run(gelu, wrap=wrap), run(lambda x: keras.ops.gelu(x, approximate=False)), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


def test_gelu_changes_no_digit_of_the_output():
    np.testing.assert_array_equal(gelu(INPUTS), keras.ops.gelu(INPUTS, approximate=False))


def test_bfloat16_is_float32_rounded_once():
    inputs = tf.cast(tf.cast(INPUTS, tf.bfloat16), tf.float32)
    wanted = tf.cast(keras.ops.gelu(inputs, approximate=False), tf.bfloat16).numpy().astype("float32")
    output, gradient = run(gelu, dtype=tf.bfloat16)
    assert output.dtype == gradient.dtype == "bfloat16"
    # One part in 2^8 is a step of bfloat16; far below 0, Φ is a difference that float32 itself rounds.
    np.testing.assert_allclose(output.astype("float32"), wanted, rtol=2**-8, atol=1e-6)
    ours = norm(LayerNorm, "mixed_bfloat16")
    output, gradient, *_ = run(ours, [ours.gamma.value], dtype=tf.bfloat16)
    assert output.dtype == gradient.dtype == "bfloat16"
    wanted = norm(keras.layers.LayerNormalization)(INPUTS)
    np.testing.assert_allclose(output.astype("float32"), wanted, rtol=0.02, atol=0.02)
    ours = rms_norm(RMSNorm, "mixed_bfloat16")
    output, gradient, *_ = run(ours, [ours.scale.value], dtype=tf.bfloat16)
    assert output.dtype == gradient.dtype == "bfloat16"
    wanted = rms_norm(keras.layers.RMSNormalization)(INPUTS)
    np.testing.assert_allclose(output.astype("float32"), wanted, rtol=0.02, atol=0.02)


def test_large_values_in_float16():
    """The squares of a row of 300s do not fit into float16."""
    ours = norm(LayerNorm, "float16")
    rows = tf.cast(np.linspace(-300, 300, 16)[None, None], tf.float16)
    assert np.isfinite(ours(rows)).all()


def test_it_is_restored_from_its_config():
    saved = keras.saving.serialize_keras_object(norm(LayerNorm))
    again = keras.saving.deserialize_keras_object(saved)
    assert type(again) is LayerNorm
    assert again.epsilon == 1e-6


def test_gelu_of_a_large_array_compiled_to_one_pass_is_the_same():
    x, upstream = (tf.random.stateless_normal((2, 2**17), (seed, 0), stddev=3.0) for seed in (0, 1))
    made = []

    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            output = gelu(x)
        return output, tape.gradient(output, x, upstream)

    plain, small = both(x), gelu(x[:, :8])
    with compiling(recording(made)):
        compiled = both(x)
    assert len(made) == 2
    for one, other in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)
    with compiling(recording(made)):
        np.testing.assert_array_equal(gelu(x[:, :8]), small)
    assert len(made) == 2  # a small one is not worth it


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-5), ("mixed_bfloat16", 0.01)])
def test_layer_norm_of_a_large_array_compiled_to_one_pass_is_the_same(dtype, tolerance):
    ours = norm(LayerNorm, dtype)
    x, upstream = (
        tf.cast(tf.random.stateless_normal((2, 2**13, 16), (seed, 0), mean=0.5), ours.compute_dtype)
        for seed in (0, 1)
    )
    made = []

    def both():
        with tf.GradientTape() as tape:
            tape.watch(x)
            output = ours(x)
        sources = [x, ours.gamma.value, ours.beta.value]
        return output, *tape.gradient(output, sources, output_gradients=upstream)

    plain = both()
    with compiling(recording(made)):
        compiled = both()
    assert len(made) == 2
    for one, other in zip(compiled, plain, strict=True):
        assert one.dtype == other.dtype
        one, other = (tf.cast(each, tf.float32).numpy() for each in (one, other))
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance * max(1, np.abs(other).std()))


def test_softmax_of_a_large_array_compiled_to_one_pass_is_the_same():
    scores, upstream = (tf.random.stateless_normal((2, 2**10, 2**7), (seed, 0)) for seed in (0, 1))

    def both():
        with tf.GradientTape() as tape:
            tape.watch(scores)
            output = softmax(scores)
        return output, tape.gradient(output, scores, upstream)

    plain, made = both(), []
    with compiling(recording(made)):
        compiled = both()
    assert len(made) == 1  # the gradient alone
    for one, other in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
