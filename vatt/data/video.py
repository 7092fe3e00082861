"""The pictures of a clip: which frames, which part of them, at which size. Pure functions on one record.

The crop is drawn before decoding, so that only the frames and (nearly) only the pixels that are used are
decoded.
"""

import tensorflow as tf

from vatt.data import window

_CROP_ATTEMPTS = 100  # TensorFlow's own default; after that the whole frame is used


def frame_indices(frames_available, frame_rate_hz, start_seconds, *, frames, clip_frame_rate_hz):
    """The frames nearest in time to start + i / clip_frame_rate_hz, i = 0 … T-1; the later of a tie.

    Past the end of the record the last frame is held.

    Args:
        frames_available: int32 scalar, at least 1.
        frame_rate_hz: float32 scalar, of the record.
        start_seconds: float32 scalar.
        frames: frames of the clip, T.
        clip_frame_rate_hz: frames per second of the clip.

    Returns:
        int32 [T], in [0, frames_available).
    """
    exact = (
        start_seconds * frame_rate_hz
        + tf.range(frames, dtype=tf.float32) * frame_rate_hz / clip_frame_rate_hz
    )
    return tf.minimum(tf.cast(tf.floor(exact + 0.5), tf.int32), frames_available - 1)


def random_box(height, width, key, *, area, aspect):
    """One box for all frames of a clip (A.2.1), drawn as TensorFlow's `sample_distorted_bounding_box` does.

    Args:
        height, width: int32 scalars, of the record's frames.
        key: int64 [2].
        area: lowest and highest share of the frame's area.
        aspect: lowest and highest width / height.

    Returns:
        int32 [4]: top, left, height, width in pixels.
    """
    begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
        tf.stack([height, width, 3]),
        bounding_boxes=tf.constant([[[0.0, 0.0, 1.0, 1.0]]]),
        seed=window.draw_key(key, window.CROP_DRAW),
        # The "object" is the frame itself: a bound here would be a second bound on the area.
        min_object_covered=0.0,
        aspect_ratio_range=aspect,
        area_range=area,
        max_attempts=_CROP_ATTEMPTS,
    )
    return tf.concat([begin[:2], size[:2]], axis=0)


def central_box(height, width):
    """The largest square in the middle, int32 [4]: resizing it is resizing the short side, then cropping."""
    side = tf.minimum(height, width)
    return tf.stack([(height - side) // 2, (width - side) // 2, side, side])


def decode_frames(jpegs, box, *, frames):
    """Decodes one box of each frame.

    Args:
        jpegs: string [T].
        box: int32 [4], top, left, height, width.
        frames: T as a Python number.

    Returns:
        uint8 [T, height, width, 3].
    """
    # Unrolled: a loop op costs more per frame than a small picture's decoding.
    jpegs = tf.unstack(jpegs, num=frames)
    return tf.stack([tf.image.decode_and_crop_jpeg(jpeg, box, channels=3) for jpeg in jpegs])


def resize(frames, size):
    """uint8 [T, h, w, 3] -> uint8 [T, size, size, 3]; bilinear, half-pixel centres, no antialiasing."""
    resized = tf.image.resize(frames, [size, size], method="bilinear")
    return tf.cast(resized + 0.5, tf.uint8)  # rounded: bilinear weights keep values in [0, 255]


def clip_frames(record, start_seconds, *, clip, choose_box):
    """The pictures of a clip.

    Args:
        record: what `vatt.data.parse` returns.
        start_seconds: float32 scalar, when the clip begins.
        clip: `ClipSpec`.
        choose_box: function from height and width (int32 scalars) to the box that the clip shows.

    Returns:
        uint8 [T, H, W, 3] and a float32 scalar, its mask: zeros and 0 for a record without pictures.
    """
    jpegs, size = record["jpegs"], clip.frame_size
    available = tf.size(jpegs)

    def pictures():
        indices = frame_indices(
            available,
            record["frame_rate_hz"],
            start_seconds,
            frames=clip.frames,
            clip_frame_rate_hz=clip.frame_rate_hz,
        )
        height, width, _ = tf.unstack(tf.image.extract_jpeg_shape(jpegs[0]))
        return resize(
            decode_frames(tf.gather(jpegs, indices), choose_box(height, width), frames=clip.frames), size
        )

    def nothing():
        return tf.zeros([clip.frames, size, size, 3], tf.uint8)

    return tf.cond(available > 0, pictures, nothing), tf.cast(available > 0, tf.float32)


def random_flip(frames, key):
    """Mirrors the whole clip left to right with probability one half; `key` int64 [2]."""
    flipped = tf.random.stateless_uniform([], window.draw_key(key, window.FLIP_DRAW)) < 0.5
    return tf.cond(flipped, lambda: tf.reverse(frames, axis=[2]), lambda: frames)
