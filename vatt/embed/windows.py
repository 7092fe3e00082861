"""Raw media of any length and size as the clips a model takes; everything here runs inside graphs too.

Windows stand one after the other from the first instant on; the last one ends where the media end. Media
shorter than a clip are one window: the last frame is held, and zeros follow the last sample, as in training
and evaluation. Of each frame the middle square is seen, resized as evaluation does.
"""

from collections.abc import Callable

import tensorflow as tf

from vatt.data import video
from vatt.protocols import Tensor
from vatt.spec import ClipSpec


def window_starts(available: Tensor, length: int) -> Tensor:
    """Where the windows begin.

    Args:
        available: int32 scalar, frames or samples there are, at least 1.
        length: frames or samples of a window, a Python number.

    Returns:
        int32 [n], n = ⌈available / length⌉.
    """
    count = (available + length - 1) // length
    return tf.minimum(tf.range(count) * length, tf.maximum(available - length, 0))


def video_window(frames: Tensor, start: Tensor, clip: ClipSpec) -> Tensor:
    """uint8 [B, T', H', W', 3], any sizes, and an int32 scalar -> the window there, uint8 [B, T, H, W, 3]."""
    last = tf.shape(frames)[1] - 1
    seen = tf.gather(frames, tf.minimum(start + tf.range(clip.frames), last), axis=1)
    return fit_frames(seen, clip)


def fit_frames(frames: Tensor, clip: ClipSpec, resize: Callable = video.resize) -> Tensor:
    """uint8 [B, T, H', W', 3] -> the middle square at the clip's size, uint8 [B, T, H, W, 3], by `resize` or
    what computes the same.
    """
    rows, height, width = tf.shape(frames)[0], tf.shape(frames)[2], tf.shape(frames)[3]
    top, left, high, wide = tf.unstack(video.squares(height, width, crops=1)[0])
    square = frames[:, :, top : top + high, left : left + wide]
    flat = resize(tf.reshape(square, [-1, high, wide, 3]), clip.frame_size)
    shape = [clip.frames, clip.frame_size, clip.frame_size, 3]
    return tf.ensure_shape(tf.reshape(flat, [rows, *shape]), [None, *shape])


def audio_window(samples: Tensor, start: Tensor, clip: ClipSpec) -> Tensor:
    """float32 [B, S'], any length, and an int32 scalar -> the window there, float32 [B, S]."""
    seen = samples[:, start : start + clip.samples]
    missing = clip.samples - tf.shape(seen)[1]
    return tf.ensure_shape(tf.pad(seen, tf.stack([[0, 0], [0, missing]])), [None, clip.samples])
