"""The exact colour jitter against tf.image itself, and how far the default is from it."""

import numpy as np
import pytest
import tensorflow as tf

from vatt.layers import draws
from vatt.layers.exact_colour import ExactColourJitter
from vatt.layers.pixels import ColourJitter, DeviceInputs

CLIPS = 24
KEYS = np.array([[5, number] for number in range(CLIPS)], "int32")


@pytest.fixture(scope="module")
def video():
    """Uniform colours, with greys, black and white among them, so that every branch of HSV is met."""
    video = np.random.default_rng(0).integers(0, 256, (CLIPS, 2, 8, 8, 3), dtype=np.uint8)
    video[:, 0, 0, :, 1:] = video[:, 0, 0, :, :1]
    video[:, 0, 1, 0], video[:, 0, 1, 1] = 0, 255
    return video


def jittered(video, colour):
    batch = {"video": tf.constant(video), "draw_key": KEYS[: len(video)]}
    return DeviceInputs(colour=colour)(batch, training=True)["video"].numpy()


def test_it_is_tf_image(video):
    jitter = ExactColourJitter(probability=0.8)
    found = jittered(video, jitter)
    with draws.keyed(KEYS):
        drawn = np.stack([np.asarray(each) for each in jitter.drawn(CLIPS)], axis=1)
    assert 0 < (np.abs(drawn[:, 0]) > 0).sum() < CLIPS  # some clips are left as they are
    for clip, frames, (shift, saturation, contrast, turn) in zip(found, video / np.float32(255), drawn):
        frames = tf.image.adjust_brightness(frames, shift)
        frames = tf.image.adjust_saturation(frames, saturation)
        frames = tf.image.adjust_contrast(frames, contrast)
        expected = tf.clip_by_value(tf.image.adjust_hue(frames, -turn), 0, 1) * 2 - 1
        np.testing.assert_allclose(clip, expected, atol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_rounds_the_result_and_nothing_before_it(video, dtype):
    policy, batch = f"mixed_{dtype}", {"video": tf.constant(video), "draw_key": KEYS}
    half = DeviceInputs(colour=ExactColourJitter(dtype=policy), dtype=policy)(batch, training=True)["video"]
    assert half.dtype == dtype
    np.testing.assert_array_equal(half, tf.cast(jittered(video, ExactColourJitter()), dtype))


def test_the_default_deviates_as_its_docstring_says(video):
    exact, default, none = (
        jittered(video, colour) / 2
        for colour in (ExactColourJitter(), ColourJitter(), ColourJitter(probability=0.0))
    )
    assert np.abs(exact - default).mean() < 0.085
    assert np.abs(exact - default).mean() < 0.7 * np.abs(exact - none).mean()
    # Of one colour more or less, as most images are, much less of it is left.
    pale = (video // 8 + 112).astype(np.uint8)
    assert np.abs(jittered(pale, ExactColourJitter()) - jittered(pale, ColourJitter())).mean() / 2 < 0.02
