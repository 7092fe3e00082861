"""Colour jitter and scaling on the device, against plain compositions and against tf.image."""

import numpy as np
import pytest
import tensorflow as tf

from vatt.layers.pixels import ColourJitter, DeviceInputs
from vatt.one_pass import compiling

NOTHING = {"brightness": 0.0, "saturation": 0.0, "contrast": 0.0, "hue": 0.0}


@pytest.fixture
def video():
    return np.random.default_rng(0).integers(0, 256, (3, 2, 8, 8, 3), dtype=np.uint8)


def keys(*examples, seed=5):
    return tf.constant([[seed, example] for example in examples], tf.int32)


def jittered(video, jitter, draw_key=None):
    batch = {"video": tf.constant(video)} | ({} if draw_key is None else {"draw_key": draw_key})
    return DeviceInputs(colour=jitter)(batch, training=True)["video"].numpy()


def test_without_jitter_pixels_go_to_minus_one_and_one(video):
    expected = video / 127.5 - 1
    evaluated = DeviceInputs(colour=ColourJitter())({"video": tf.constant(video)}, training=False)["video"]
    np.testing.assert_allclose(evaluated, expected, atol=1e-6)
    np.testing.assert_allclose(jittered(video, ColourJitter(**NOTHING)), expected, atol=1e-5)


def test_text_is_flattened_candidates_in_order():
    ids = np.arange(24, dtype=np.int32).reshape(2, 3, 4)
    inputs = DeviceInputs()({"text": tf.constant(ids), "text_mask": tf.ones((2, 3))}, training=True)
    np.testing.assert_array_equal(inputs["text"], ids.reshape(6, 4))
    assert inputs["text_mask"].shape == (6,)


def test_a_clip_is_jittered_alike_wherever_it_stands(video):
    whole = jittered(video, ColourJitter(), keys(7, 8, 9))
    split = jittered(video[1:], ColourJitter(), keys(8, 9))
    np.testing.assert_array_equal(whole[1:], split)
    assert np.abs(jittered(video, ColourJitter(), keys(17, 18, 19)) - whole).max() > 0.05
    assert np.abs(jittered(video[[0, 0]], ColourJitter(), keys(1, 2))[0] - whole[0]).max() > 0.05


def test_probability_zero_leaves_all_as_it_is(video):
    np.testing.assert_allclose(jittered(video, ColourJitter(probability=0.0)), video / 127.5 - 1, atol=1e-5)


@pytest.mark.parametrize(
    "name, amount, expected",
    [
        ("brightness", 0.125, lambda x, drawn: x + drawn),
        ("contrast", 0.4, lambda x, drawn: (x - x.mean((0, 1, 2))) * (1 + drawn) + x.mean((0, 1, 2))),
        ("saturation", 0.4, lambda x, drawn: (x - grey(x)) * (1 + drawn) + grey(x)),
    ],
)
def test_each_part_is_what_it_is_called(video, name, amount, expected):
    # Mid-range pixels, so that clipping plays no part.
    video = (video // 4 + 96).astype(np.uint8)
    got = (jittered(video, ColourJitter(**NOTHING | {name: amount}), keys(1, 2, 3)) + 1) / 2
    for clip, source in zip(got, video / 255.0):
        candidates = np.linspace(-amount, amount, 2001)
        errors = [np.abs(expected(source, drawn) - clip).max() for drawn in candidates]
        assert min(errors) < 1e-3


def grey(x):
    return (x @ np.array([0.299, 0.587, 0.114]))[..., None]


def test_hue_keeps_greys(video):
    greys = np.repeat(video[..., :1], 3, axis=-1)
    only_hue = ColourJitter(**NOTHING | {"hue": 0.2})
    np.testing.assert_allclose(jittered(greys, only_hue), greys / 127.5 - 1, atol=2e-3)


@pytest.mark.parametrize("share, deviation", [(0.05, 0.06), (0.1, 0.09), (0.2, 0.125)])
def test_hue_deviates_from_tf_image_as_the_docstring_says(share, deviation):
    colours = np.random.default_rng(0).random((1, 4000, 3)).astype(np.float32)
    # tf.image turns the other way round; draws are symmetric.
    theirs = tf.image.adjust_hue(colours, -share).numpy()
    turn = ColourJitter._turn(tf.constant([2 * np.pi * share]), tf.constant([1.0]))[0].numpy()
    ours = np.clip(colours @ turn.T, 0, 1)
    assert np.abs(ours - theirs).mean() < deviation
    assert np.abs(ours - theirs).mean() < np.abs(colours - theirs).mean()


@pytest.mark.parametrize("frames, size", [(11, 64), (3, 171)])  # the second of no multiple of 16 pixels
@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-5), ("mixed_bfloat16", 0.02)])
def test_a_large_batch_compiled_to_one_pass_is_the_same(dtype, tolerance, frames, size):
    large = np.random.default_rng(0).integers(0, 256, (2, frames, size, size, 3), dtype=np.uint8)
    inputs = DeviceInputs(colour=ColourJitter(), dtype=dtype)
    batch = {"video": tf.constant(large), "draw_key": keys(1, 2)}
    made = []

    def compiler(function):
        made.append(function)
        return tf.function(function, autograph=False, jit_compile=True)

    plain = tf.cast(inputs(batch, training=True)["video"], tf.float32)
    with compiling(compiler):
        compiled = inputs(batch, training=True)["video"]
    assert made and compiled.dtype == inputs.compute_dtype
    np.testing.assert_allclose(tf.cast(compiled, tf.float32), plain, atol=tolerance)
