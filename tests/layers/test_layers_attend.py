"""Attention by blocks of queries against the plain form: output and every gradient, however it is run."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from vatt.layers import attend, attention, draws
from vatt.layers.architecture import Size
from vatt.layers.attention import SelfAttention
from vatt.layers.relative_bias import RelativeBias
from vatt.layers.transformer_encoder import TransformerEncoder

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "transformer_steps.py"
LENGTH, WIDTH, HEADS = 11, 12, 3
KEY = np.array([[7, 0], [7, 5]], "int32")
_random = np.random.default_rng(3)
TOKENS = _random.normal(size=(2, LENGTH, WIDTH)).astype("float32")
UPSTREAM = _random.normal(size=(2, LENGTH, WIDTH)).astype("float32")
PADDING = np.where(np.arange(LENGTH) < [[LENGTH], [7]], 0.0, -1e9)[:, None, None].astype("float32")
RELATIVE = _random.normal(size=(1, HEADS, LENGTH, LENGTH)).astype("float32")
BIASES = {
    "none": None,
    "padding": PADDING,
    "relative": RELATIVE,
    "both": RELATIVE + PADDING,
    "queries": RELATIVE[:, :1],
}


def layer(dropout_rate=0.0, dtype=None):
    made = SelfAttention(
        width=WIDTH, heads=HEADS, head_width=5, dropout_rate=dropout_rate, name="attention", dtype=dtype
    )
    made.build()
    generator = np.random.default_rng(0)
    for weight in made.weights:
        weight.assign(generator.normal(size=weight.shape) * 0.5)
    return made


def run(made, bias=None, jit_compile=None, eager=False):
    """Output, and gradients of tokens, weights and bias."""
    sources = [tf.constant(TOKENS), *(weight.value for weight in made.trainable_weights)]
    sources += [] if bias is None else [tf.constant(bias)]

    def both():
        with tf.GradientTape() as tape, draws.keyed(KEY):
            tape.watch(sources)
            bias_of_scores = None if bias is None else sources[-1]
            output = made(sources[0], bias=bias_of_scores, training=True)
        return output, *tape.gradient(output, sources, output_gradients=tf.cast(UPSTREAM, output.dtype))

    graph = tf.function(both, jit_compile=jit_compile, autograph=False)
    return [each.numpy() for each in (both if eager else graph)()]


@pytest.fixture
def plain(monkeypatch):
    """Switches between the forms: `plain(True)`, `plain(False)`."""

    def switch(on):
        monkeypatch.setattr(attention, "LONG", 1000 if on else 1)
        # Blocks of 4, 4 and 3 queries.
        monkeypatch.setattr(attend, "BLOCK_ENTRIES", HEADS * LENGTH * 4)

    return switch


def assert_same(got, wanted):
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5 * max(1.0, np.abs(other).max()))


@pytest.mark.parametrize("dropout_rate", [0.0, 0.4], ids=["", "dropout"])
@pytest.mark.parametrize("bias", BIASES.values(), ids=BIASES)
def test_blocks_equal_the_plain_form(plain, bias, dropout_rate):
    made = layer(dropout_rate)
    plain(True)
    wanted = run(made, bias, eager=True)
    assert all(np.abs(each).max() > 1e-3 or made.weights[3].shape == each.shape for each in wanted)
    plain(False)
    assert_same(run(made, bias, eager=True), wanted)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_blocks_equal_the_plain_form_compiled(plain, jit_compile):
    made = layer(0.4)
    plain(True)
    wanted = run(made, RELATIVE, eager=True)
    plain(False)
    assert_same(run(made, RELATIVE, jit_compile=jit_compile), wanted)


def test_mixed_bfloat16_is_as_close_as_the_plain_form(plain):
    plain(True)
    wanted = run(layer(), RELATIVE, eager=True)
    errors = []
    for on in (True, False):
        plain(on)
        got = run(layer(dtype="mixed_bfloat16"), RELATIVE, eager=True)
        assert got[0].dtype == "bfloat16"
        differences = [np.linalg.norm(a.astype("float32") - b) for a, b in zip(got, wanted, strict=True)]
        errors.append(np.array(differences) / [np.linalg.norm(each) for each in wanted])
    real = np.array(
        [np.abs(each).max() > 1e-3 for each in wanted]
    )  # all but the keys' bias, which is rounding
    assert real.sum() == len(wanted) - 1
    assert np.all(errors[1][real] < 1.5 * errors[0][real] + 1e-3)


@pytest.mark.parametrize("recompute", [False, True], ids=["kept", "recomputed"])
def test_an_encoder_with_everything(plain, recompute):
    """Relative positions, padding, every dropout, recomputed blocks: forms differ by rounding alone."""
    encoder = TransformerEncoder(
        size=Size(depth=1, width=WIDTH, hidden_width=16, heads=HEADS, head_width=4, recompute=recompute),
        relative_bias=RelativeBias(buckets=8),
        dropout_rate=0.3,
    )
    encoder.build()
    words = tf.constant((np.arange(LENGTH) < [[LENGTH], [7]]).astype("int32"))
    weights = [weight.value for weight in encoder.trainable_weights]

    def both():
        with tf.GradientTape() as tape, draws.keyed(KEY):
            output = encoder(TOKENS, words=words, training=True)
        gradients = tape.gradient(output, weights, output_gradients=tf.constant(UPSTREAM))
        return output, *(tf.convert_to_tensor(each) for each in gradients)

    plain(True)
    wanted = tf.function(both, autograph=False)()
    plain(False)
    assert_same(tf.function(both, autograph=False)(), wanted)


def largest_tensor(made):
    """Entries of the largest tensor [..., N] of the traced output and gradients."""
    weights = [weight.value for weight in made.trainable_weights]

    @tf.function(autograph=False)
    def both(tokens):
        with tf.GradientTape() as tape:
            output = made(tokens, training=True)
        return tape.gradient(output, weights)

    operations = both.get_concrete_function(tf.constant(TOKENS)).graph.get_operations()
    shapes = [each.shape for operation in operations for each in operation.outputs]
    return max(math.prod(shape) for shape in shapes if shape[-1:] == [LENGTH])


def test_no_matrix_of_all_pairs_is_made(plain):
    made = layer()
    plain(True)
    assert largest_tensor(made) == 2 * HEADS * LENGTH * LENGTH
    plain(False)
    assert largest_tensor(made) < 2 * HEADS * LENGTH * LENGTH


@pytest.mark.slow
def test_memory_of_a_step_of_four_blocks():
    """The optimizer of graphs must not make what is computed again into something kept.

    275 MB, of which 113 are gradients; with that 356, with TensorFlow's own gradients 498.
    """
    command = [sys.executable, BENCHMARK, "tensorflow", "--depth", "4"]
    output = subprocess.run(command, input="step\n", check=True, stdout=subprocess.PIPE, text=True).stdout
    assert json.loads(output.splitlines()[-1])["bytes"] < 320e6
