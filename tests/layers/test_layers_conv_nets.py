"""What the ConvNets' layers are, by naive twins; the rule of max-pooling's gradients; other sizes."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from vatt.layers.batch_norm import GlobalBatchNorm
from vatt.layers.conv_unit import ConvUnit
from vatt.layers.i3d import BLOCKS, I3D
from vatt.layers.lean import framework_gradients
from vatt.layers.linear_text import LinearText
from vatt.layers.max_pool import MaxPool
from vatt.layers.resnet import ResNet

POOLS = [((1, 3, 3), (1, 2, 2)), ((3, 3, 3), (2, 2, 2)), ((2, 2, 2), (2, 2, 2)), ((3, 3, 3), (1, 1, 1))]


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def padding(length, size, stride):
    missing = max((math.ceil(length / stride) - 1) * stride + size - length, 0)
    return missing // 2, missing - missing // 2


def gradient_of(pool, x, upstream):
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(pool(x) * upstream)
    return tape.gradient(total, x)


def one_winner_gradient(x, upstream, window, stride):
    """Each window's gradient to its largest cell, the first, row by row, of those that tie."""
    sides = [padding(length, *each) for length, *each in zip(x.shape[1:4], window, stride)]
    padded = np.pad(x, [(0, 0), *sides, (0, 0)], constant_values=-np.inf)
    found = np.zeros_like(padded)
    for place in np.ndindex(upstream.shape):
        row, *cells, channel = place
        first = [cell * step for cell, step in zip(cells, stride)]
        box = padded[(row, *(slice(a, a + n) for a, n in zip(first, window)), channel)]
        winner = np.argwhere(box == box.max())[0]
        found[(row, *(a + n for a, n in zip(first, winner)), channel)] += upstream[place]
    kept = (slice(None), *(slice(a, a + n) for (a, _), n in zip(sides, x.shape[1:4])))
    return found[kept]


@pytest.mark.parametrize("window, stride", POOLS)
def test_max_pooling_and_its_one_winner_in_every_mode(window, stride):
    x = tf.constant(np.round(drawn(2, 5, 6, 7, 2)))  # whole numbers: most windows tie
    pool = MaxPool(window=window, stride=stride)
    pooled = pool(x)
    np.testing.assert_array_equal(pooled, tf.nn.max_pool3d(x, (1, *window, 1), (1, *stride, 1), "SAME"))
    assert tuple(pooled.shape[1:4]) == pool.grid_of((5, 6, 7))
    upstream = drawn(*pooled.shape, seed=1)
    wanted = one_winner_gradient(x.numpy(), upstream, window, stride)
    ways = {"eager": gradient_of, "graph": tf.function(gradient_of, autograph=False)}
    ways["XLA"] = tf.function(gradient_of, autograph=False, jit_compile=True)
    for way, gradient in ways.items():
        np.testing.assert_allclose(gradient(pool, x, upstream), wanted, atol=1e-5, err_msg=way)
    with framework_gradients():
        np.testing.assert_allclose(gradient_of(pool, x, upstream), wanted, atol=1e-5)


def test_a_pooling_that_skips_cells_is_refused():
    with pytest.raises(ValueError, match="must reach to the next one"):
        MaxPool(window=(1, 2), stride=(2, 2))


@pytest.mark.parametrize(
    "kernel, stride, explicit", [(3, 2, True), (7, 2, True), (3, 1, False), (7, 2, False)]
)
def test_a_convolution_is_padded_as_the_release_pads(kernel, stride, explicit):
    x = drawn(2, 10, 11, 3)
    unit = ConvUnit(
        channels=2, kernel=(kernel,) * 2, stride=(stride,) * 2, padding="explicit" if explicit else "same"
    )
    unit.build(3)
    sides = [((kernel - 1) // 2,) * 2] * 2
    if not explicit:
        sides = [padding(length, kernel, stride) for length in x.shape[1:3]]
    padded, weight = np.pad(x, [(0, 0), *sides, (0, 0)]), np.asarray(unit.weight)
    found = np.asarray(unit.convolve(keras.ops.convert_to_tensor(x)))
    assert found.shape[1:3] == unit.grid_of((10, 11))
    for row, column in np.ndindex(*found.shape[1:3]):
        at = (slice(None), *(slice(n * stride, n * stride + kernel) for n in (row, column)))
        wanted = np.einsum("bijc,ijcd->bd", padded[at], weight)
        np.testing.assert_allclose(found[:, row, column], wanted, atol=1e-5)


@pytest.mark.parametrize("sizes", [(2, 1, 1), (2, 2, 2), (1, 4, 4), (8, 2, 2), (4, 8, 8)])
@pytest.mark.parametrize("kernel", [(3, 3, 3), (3, 1, 1), (5, 7, 7)])
def test_gradients_in_bfloat16_are_near_those_in_float32(sizes, kernel):
    """oneDNN gives numbers without meaning, or NaN, for short signals that it pads itself."""
    inputs, upstream = drawn(4, *sizes, 16), drawn(4, *sizes, 16, seed=1)

    @tf.function
    def gradients(unit, inputs, upstream):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = unit.convolve(inputs)
        return tape.gradient(outputs, [inputs, unit.weight], upstream)

    found = []
    for dtype in ("float32", "bfloat16"):
        unit = ConvUnit(channels=16, kernel=kernel, dtype=dtype)
        unit.build(16)
        unit.weight.assign(drawn(*unit.weight.shape, seed=2))
        values = gradients(unit, tf.cast(inputs, dtype), tf.cast(upstream, dtype))
        found.append([tf.cast(value, tf.float32).numpy() for value in values])
    for exact, rounded in zip(*found, strict=True):
        assert np.max(np.abs(rounded - exact)) < 0.02 * np.max(np.abs(exact))


def test_batch_statistics_are_over_the_positions_of_rows_that_exist():
    x, exist = drawn(4, 3, 5, 2) * 3 + 1, np.array([1, 0, 1, 1], "float32")
    norm = GlobalBatchNorm(width=2)
    norm.build()
    normalised = norm(x, rows=exist, training=True)
    kept = x[exist == 1].reshape(-1, 2)
    mean, variance = kept.mean(axis=0), kept.var(axis=0)
    np.testing.assert_allclose(normalised, (x - mean) / np.sqrt(variance + 1e-5), atol=1e-5)
    np.testing.assert_allclose(norm.moving_mean, 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(norm.moving_variance, 0.9 + 0.1 * variance, rtol=1e-5)


@pytest.mark.parametrize("rows", [None, np.array([1, 0, 1, 1], "float32")])
def test_gradients_of_batch_statistics_are_the_framework_s(rows):
    x, upstream = tf.constant(drawn(4, 3, 5, 2) * 3 + 1), drawn(4, 3, 5, 2, seed=1)
    norm = GlobalBatchNorm(width=2)
    norm.build()
    norm.gamma.assign([0.5, 2.0])

    def gradients():
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(norm(x, rows=rows, training=True) * upstream)
        return tape.gradient(total, [x, norm.gamma.value, norm.beta.value])

    ours = gradients()
    with framework_gradients():
        for one, other in zip(ours, gradients(), strict=True):
            np.testing.assert_allclose(one, other, atol=2e-5)


def test_frozen_statistics_leave_rows_independent():
    net = I3D(width_factor=1 / 16, blocks=BLOCKS[:4], frozen=True)
    net.build()
    x = drawn(3, 4, 8, 8, 3)
    before = [np.asarray(weight) for weight in net.non_trainable_weights]
    whole, alone = net(x, training=True)[0], net(x[:1], training=True)[0]
    np.testing.assert_allclose(whole[:1], alone, atol=1e-6)
    assert not net.mixes_rows and I3D().mixes_rows
    for weight, value in zip(net.non_trainable_weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)


@pytest.mark.parametrize("sizes", [(1, 17, 40), (7, 33, 16), (16, 64, 48)])
def test_video_of_other_sizes(sizes):
    net = I3D(width_factor=1 / 16)
    net.build()
    pooled, features = net(drawn(2, *sizes, 3))
    assert tuple(features.shape) == (2, *net.grid_of(sizes), net.width)
    assert net.grid_of(sizes) == tuple(math.ceil(n / step) for n, step in zip(sizes, (8, 32, 32)))
    np.testing.assert_allclose(pooled, np.mean(features, axis=(1, 2, 3)), atol=1e-6)
    with pytest.raises(ValueError, match="must be .B, time, row, column, 3."):
        net(drawn(2, *sizes, 1))


@pytest.mark.parametrize("sizes", [(1, 1), (31, 80), (150, 17)])
def test_spectrograms_of_other_sizes(sizes):
    net = ResNet(stem_channels=4, depths=(1, 1, 1, 1))
    net.build()
    pooled, features = net(drawn(2, *sizes, 1))
    assert tuple(features.shape) == (2, *net.grid_of(sizes), 128) and tuple(pooled.shape) == (2, 128)
    assert net.grid_of(sizes) == tuple(math.ceil(n / 32) for n in sizes)


def test_a_bottleneck_begins_as_its_shortcut():
    net = ResNet(stem_channels=4, depths=(2,))
    net.build()
    block = net.stages[-1]
    x = np.abs(drawn(2, 5, 6, 16))
    np.testing.assert_array_equal(block(x), x)


def test_padding_takes_part_in_the_maximum_of_a_sentence():
    net = LinearText(vocabulary_size=9, table_width=4, width=6)
    net.build()
    pooled, features = net(np.array([[3, 4, 0, 0], [0, 0, 0, 0]], "int32"))
    rows = np.asarray(net.table.embeddings) @ np.asarray(net.kernel)[0] + np.asarray(net.bias)
    np.testing.assert_allclose(pooled[0], np.maximum(rows[[3, 4, 0]].max(axis=0), 0), atol=1e-6)
    np.testing.assert_allclose(pooled[1], np.maximum(rows[0], 0), atol=1e-6)
    assert tuple(features.shape) == (2, 4, 6) and not net.table.trainable


def test_attention_is_not_asked_of_what_has_none():
    for net, signal in (
        (I3D(width_factor=1 / 16, blocks=BLOCKS[:1]), drawn(1, 2, 8, 8, 3)),
        (LinearText(vocabulary_size=9), np.zeros((1, 4), "int32")),
    ):
        net.build()
        with pytest.raises(ValueError, match="has no probabilities"):
            net(signal, collect={"probabilities": lambda values: values})


def test_blocks_are_those_of_the_network_in_its_order():
    with pytest.raises(ValueError, match="must be some of"):
        I3D(blocks=("mixed_3b", "conv3d_1a_7x7"))
