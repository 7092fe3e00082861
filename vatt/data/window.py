"""Which stretch of a record a clip covers: one start for pictures, sound and captions keeps them in sync."""

import tensorflow as tf

# Every random draw has its own number, folded into the clip's key: a draw added later leaves the others.
WINDOW_DRAW, CROP_DRAW, FLIP_DRAW = range(3)

# Of a frame: a clip of 3.2 s fits a record of 80 frames at 25 Hz, though 3.2 * 25 > 80 in float32.
_ROUNDING = 1e-4


def draw_key(key, draw):
    """The key of one kind of random draw for one clip: int64 [2] = (seed, example_index) -> int64 [2]."""
    return tf.random.fold_in(key, draw)


def last_start(units, rate_hz, clip_seconds):
    """The last unit (frame or sample) at which a whole clip still begins; 0 for a record shorter than a clip.

    Args:
        units: int scalar, frames or samples of the record.
        rate_hz: float scalar, units per second, positive.
        clip_seconds: length of a clip.

    Returns:
        int32 scalar.
    """
    needed = tf.math.ceil(tf.cast(rate_hz, tf.float32) * clip_seconds - _ROUNDING)
    return tf.maximum(tf.cast(units, tf.int32) - tf.cast(needed, tf.int32), 0)


def random_start(last, key):
    """A start drawn uniformly from 0 to `last` inclusive, int32 scalar; `key` int64 [2]."""
    return tf.random.stateless_uniform([], draw_key(key, WINDOW_DRAW), 0, last + 1, tf.int32)


def spaced_start(last, *, window=0, windows=1):
    """Start of window `window` of `windows` spread evenly from 0 to `last`; one alone lies in the middle."""
    share = 0.5 if windows == 1 else window / (windows - 1)
    return tf.cast(tf.cast(last, tf.float32) * share, tf.int32)


def start_seconds(record, clip_seconds, choose):
    """When the clip begins, in seconds from the record's first frame.

    It begins on a frame (on a sample, where there are no pictures), so that frame 0 and sample 0 are one
    instant.

    Args:
        record: what `vatt.data.parse` returns.
        clip_seconds: length of a clip.
        choose: function from the last possible start (int32 scalar) to the start.

    Returns:
        float32 scalar.
    """
    frames = tf.size(record["jpegs"])
    samples = tf.cast(tf.strings.length(record["pcm16"]), tf.int64) // (2 * record["channels"])
    samples = tf.maximum(samples, tf.size(record["floats"], tf.int64))
    sample_rate_hz = tf.cast(tf.maximum(record["sample_rate_hz"], 1), tf.float32)
    has_pictures = frames > 0
    units = tf.where(has_pictures, frames, tf.cast(samples, tf.int32))
    rate_hz = tf.where(has_pictures, record["frame_rate_hz"], sample_rate_hz)
    return tf.cast(choose(last_start(units, rate_hz, clip_seconds)), tf.float32) / rate_hz
