"""Which stretch of a record a clip covers: one start for video, audio and captions keeps them in sync."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from vatt.protocols import Tensor

# Every random draw has its own number, folded into the clip's key: a draw added later leaves the others.
WINDOW_DRAW, CROP_DRAW, FLIP_DRAW, NOISE_DRAW, MIXUP_WEIGHT_DRAW, MIXUP_PARTNER_DRAW = range(6)

# Of a frame: a stored rate is a float32, and 3.2 s of it may come out as a hair more than the frames.
ROUNDING = 1e-4


def draw_key(key: Tensor, draw: int) -> Any:
    """The key of one kind of random draw for one clip: int64 [2] = (seed, example_index) -> int64 [2]."""
    return tf.random.fold_in(key, draw)


def last_start(units: Tensor, rate_hz: Tensor, span_seconds: float) -> Tensor:
    """The last unit (frame or sample) at which a whole clip of `span_seconds` still begins, int32 scalar; 0
    for a record shorter than a clip.
    """
    needed = tf.math.ceil(tf.cast(rate_hz, tf.float64) * span_seconds - ROUNDING)
    return tf.maximum(tf.cast(units, tf.int32) - tf.cast(needed, tf.int32), 0)


def random_start(last: Tensor, key: Tensor) -> Tensor:
    """A start drawn uniformly from 0 to `last` inclusive, int32 scalar; `key` int64 [2]."""
    return tf.random.stateless_uniform([], draw_key(key, WINDOW_DRAW), 0, last + 1, tf.int32)


def spaced_start(last: Tensor, *, window: int = 0, windows: int = 1) -> Tensor:
    """Start of window `window` of `windows` spread evenly from 0 to `last`; one alone is in the middle."""
    share = 0.5 if windows == 1 else window / (windows - 1)
    return tf.cast(tf.cast(last, tf.float64) * share, tf.int32)


def start_seconds(
    record: dict[str, Tensor], span_seconds: float, choose: Callable, *, by_frames: bool = True
) -> Tensor:
    """When the clip begins, in seconds from the record's first frame.

    It begins on a frame, so that frame 0 and sample 0 are one instant; on a sample where there are no
    frames.

    Args:
        record: what `vatt.data.parse` returns.
        span_seconds: the stretch that a clip covers.
        choose: function from the last possible start (int32 scalar) to the start.
        by_frames: False for clips of audio alone: they begin on a sample, and may last as long as the audio
            does.

    Returns:
        float64 scalar: of a start an hour into a record, float32 would miss the sample.
    """
    frames = tf.size(record["jpegs"])
    samples = tf.cast(tf.strings.length(record["pcm16"]), tf.int64) // (2 * record["channels"])
    samples = tf.cast(tf.maximum(samples, tf.size(record["floats"], tf.int64)), tf.int32)
    counts_frames = (frames > 0) & by_frames | (samples == 0)
    units = tf.where(counts_frames, frames, samples)
    sample_rate_hz = tf.cast(tf.maximum(record["sample_rate_hz"], 1), tf.float32)
    rate_hz = tf.cast(tf.where(counts_frames, record["frame_rate_hz"], sample_rate_hz), tf.float64)
    return tf.cast(choose(last_start(units, rate_hz, span_seconds)), tf.float64) / rate_hz
