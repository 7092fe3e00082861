"""What a training crop shows: two rules, by their distributions and against the two-step original."""

import numpy as np
import pytest
import tensorflow as tf

from vatt.data.random_area_crop import RandomAreaCrop
from vatt.data.scale_jitter_crop import ScaleJitterCrop

HEIGHT, WIDTH = 60, 80


def boxes_of(crop, number=300, height=HEIGHT, width=WIDTH):
    draw = tf.function(lambda key: crop.box(tf.constant(height), tf.constant(width), key))
    return np.array([draw(tf.constant([0, n], tf.int64)) for n in range(number)])


@pytest.mark.parametrize("crop", [RandomAreaCrop(), ScaleJitterCrop(), ScaleJitterCrop(share=0.1)])
def test_boxes_lie_in_the_frame_and_repeat(crop):
    boxes = boxes_of(crop)
    top, left, height, width = boxes.T
    assert (top >= 0).all() and (left >= 0).all() and (height > 0).all() and (width > 0).all()
    assert (top + height <= HEIGHT).all() and (left + width <= WIDTH).all()
    np.testing.assert_array_equal(boxes, boxes_of(crop))


def test_random_areas_keep_their_bounds():
    _, _, height, width = boxes_of(RandomAreaCrop()).T
    areas, aspects = height * width / (HEIGHT * WIDTH), width / height
    assert areas.min() > 0.07 and areas.min() < 0.15 and areas.max() > 0.85
    assert aspects.min() > 0.47 and aspects.max() < 2.1 and aspects.std() > 0.2


def test_without_jitter_the_square_is_the_short_side_anywhere():
    boxes = boxes_of(ScaleJitterCrop(probability=0.0))
    np.testing.assert_array_equal(boxes[:, 2:], HEIGHT)
    assert not boxes[:, 0].any()
    assert set(boxes[:, 1]) == set(range(WIDTH - HEIGHT + 1))
    np.testing.assert_array_equal(boxes_of(ScaleJitterCrop(probability=0.0, share=0.5))[:, 2:], HEIGHT // 2)


def test_jitter_is_as_often_and_as_wide_as_asked():
    _, _, height, width = boxes_of(ScaleJitterCrop(), number=600, height=600, width=600).T
    # Height and width of what is shown are to each other as the factors the other way round.
    logs = np.log(width / height)
    assert 0.75 < (logs != 0).mean() < 0.86
    assert np.abs(logs).max() <= np.log(1.2 / 0.8) + 0.01 and abs(logs.mean()) < 0.03
    drawn = np.random.default_rng(0).uniform(0.8, 1.2, (2, 100_000))
    assert abs(logs[logs != 0].std() - np.log(drawn[0] / drawn[1]).std()) < 0.02
    assert (np.maximum(height, width) == 600).all()


def test_one_box_is_the_two_resizes_and_the_cut():
    # A smooth image: how it is interpolated matters little, where the cut lies matters much.
    height, width, size = 90, 120, 60
    rows, columns = np.mgrid[:height, :width]
    picture = np.stack([rows / height, columns / width, (rows + columns) / 210], -1)[None].astype("float32")
    crop, key = ScaleJitterCrop(), tf.constant([3, 4], tf.int64)
    top, left, high, wide = crop.box(tf.constant(height), tf.constant(width), key).numpy()
    factor_high, factor_wide = 1.0, high / wide
    jittered = tf.image.resize(picture, [round(height * factor_high), round(width * factor_wide)])
    short = min(jittered.shape[1:3])
    small = tf.image.resize(jittered, [round(side * size / short) for side in jittered.shape[1:3]])
    down, right = round(top * small.shape[1] / height), round(left * small.shape[2] / width)
    found = tf.image.resize(picture[:, top : top + high, left : left + wide], [size, size])
    assert min(high / height, wide / width * factor_wide) > 0
    np.testing.assert_allclose(
        found[:, 2:-2, 2:-2],
        small[:, down : down + size, right : right + size][:, 2:-2, 2:-2],
        atol=0.02,
    )


def test_what_is_no_crop_is_refused():
    with pytest.raises(ValueError, match="`area`.*0.08"):
        RandomAreaCrop(area=(0.0, 1.0))
    with pytest.raises(ValueError, match="`area`"):
        RandomAreaCrop(area=(0.5, 1.1))
    with pytest.raises(ValueError, match="`aspect`"):
        RandomAreaCrop(aspect=(2.0, 0.5))
    with pytest.raises(ValueError, match="`scale`"):
        ScaleJitterCrop(scale=(1.2, 0.8))
    with pytest.raises(ValueError, match="`probability`"):
        ScaleJitterCrop(probability=1.5)
    with pytest.raises(ValueError, match="`share`"):
        ScaleJitterCrop(share=0.0)
