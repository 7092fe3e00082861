"""Video of a clip: selection, cropping and resizing of frames. Pure functions of one record.

The crop is chosen before decoding, so that only the frames and (nearly) only the pixels that are used are
decoded.
"""

from collections.abc import Callable

import tensorflow as tf

from vatt.data import window
from vatt.protocols import Tensor
from vatt.spec import ClipSpec

# The largest frame of a record. A decoder takes what memory a file's header asks for; 50 MB are enough for
# 4K video and any photograph of a data set, where a file of 700 bytes may ask for a thousand times that.
MAX_PIXELS = 1 << 24
# Frames that are resized together: their floats stay in the cache, those of a whole clip do not; and there
# are fewer ops than with each frame by itself, all of which TensorFlow looks up again for every record.
_AT_ONCE = 4


def frame_indices(
    frames_available: Tensor,
    frame_rate_hz: Tensor,
    start_seconds: Tensor,
    *,
    frames: int,
    clip_frame_rate_hz: float,
) -> Tensor:
    """The last frames that are not later than start + i / clip_frame_rate_hz, i = 0 … T-1.

    Past the end of the record the last frame is held.

    Args:
        frames_available: int32 scalar, at least 1.
        frame_rate_hz: float32 scalar, of the record.
        start_seconds: float64 scalar.
        frames: frames of the clip, T.
        clip_frame_rate_hz: frames per second of the clip.

    Returns:
        int32 [T], in [0, frames_available).
    """
    frame_rate_hz, steps = tf.cast(frame_rate_hz, tf.float64), tf.range(frames, dtype=tf.float64)
    exact = start_seconds * frame_rate_hz + steps * frame_rate_hz / clip_frame_rate_hz
    return tf.minimum(tf.cast(tf.floor(exact + window.ROUNDING), tf.int32), frames_available - 1)


def shown(jpegs: Tensor, indices: Tensor, *, has_repeats: Tensor) -> Tensor:
    """Where the images of frames are stored, int32 [T]: the last frames not later than `indices` that have a
    JPEG. A frame that repeats the one before it is an empty string; without `has_repeats`, a bool scalar,
    an empty string is a lost frame.
    """
    stored = tf.cast(tf.where((tf.strings.length(jpegs) > 0) | ~has_repeats)[:, 0], tf.int32)
    # Before the first of them frame 0 stands, whose decoding finds that it is damaged.
    return tf.gather(tf.concat([[0], stored], axis=0), tf.searchsorted(stored, indices, side="right"))


def squares(height: Tensor, width: Tensor, *, crops: int) -> Tensor:
    """The largest squares of a frame, spread evenly along its long side: int32 [crops, 4], top, left, height,
    width in pixels; one is in the middle, three are start, middle and end. Resizing one is resizing the
    frame's short side and cropping there.
    """
    side = tf.minimum(height, width)
    slack = tf.stack([height - side, width - side])
    if crops == 1:
        corners = slack[tf.newaxis] // 2
    else:
        corners = tf.range(crops)[:, tf.newaxis] * slack // (crops - 1)
    return tf.concat([corners, tf.fill([crops, 2], side)], axis=1)


def frame_size(jpegs: Tensor, *, frames: int) -> tuple[Tensor, Tensor]:
    """Height and width, int32 scalars, of a record's frames, string [T], from their headers.

    Fails (which counts as damage of the record) where there is no header, where the frames differ in size, or
    where they are larger than any that is decoded here.
    """
    sizes = tf.stack([tf.image.extract_jpeg_shape(jpeg) for jpeg in tf.unstack(jpegs, num=frames)])
    height, width, _ = tf.unstack(sizes[0])
    alike = tf.reduce_all(sizes[:, :2] == sizes[:1, :2])
    small = tf.cast(height, tf.int64) * tf.cast(width, tf.int64) <= MAX_PIXELS
    fault = [f"Frames of a record must be of one size, and of at most {MAX_PIXELS} pixels.", sizes]
    with tf.control_dependencies([tf.debugging.Assert(alike & small, fault)]):
        return tf.identity(height), tf.identity(width)


def decode_frames(jpegs: Tensor, box: Tensor, *, frames: int) -> Tensor:
    """One box, int32 [4], of each JPEG of string [T], T static: uint8 [T, height, width, 3]."""
    return tf.stack(decode_each(jpegs, box, frames=frames))


def decode_each(jpegs: Tensor, box: Tensor, *, frames: int) -> list[Tensor]:
    """`decode_frames` before they are put together: a list of uint8 [height, width, 3]."""
    # Unrolled: a loop op costs more per frame than a small frame's decoding.
    jpegs = tf.unstack(jpegs, num=frames)
    return [tf.image.decode_and_crop_jpeg(jpeg, box, channels=3) for jpeg in jpegs]


def resize(frames: Tensor, size: int) -> Tensor:
    """uint8 [T, h, w, 3] -> uint8 [T, size, size, 3]; bilinear, half-pixel centres, no antialiasing."""
    # From float32 the op takes three quarters of the time that it takes from uint8, conversion included, and
    # gives the same values. It is the one under `tf.image.resize`, which adds a dozen others to find out
    # shapes.
    resized = tf.raw_ops.ResizeBilinear(
        images=tf.cast(frames, tf.float32), size=[size, size], half_pixel_centers=True
    )
    return tf.cast(resized + 0.5, tf.uint8)  # rounded: bilinear weights keep values in [0, 255]


def views(jpegs: Tensor, *, frames: int, size: int, choose_boxes: Callable) -> Tensor:
    """Boxes of the frames of a clip, string [T], T static, each resized to a square: uint8 [V, T, size, size,
    3]. `choose_boxes` gives int32 [V, 4], V static, for height and width.
    """
    height, width = frame_size(jpegs, frames=frames)
    boxes = tf.unstack(choose_boxes(height, width))
    if len(boxes) == 1:
        parts = decode_each(jpegs, boxes[0], frames=frames)
        groups = [tf.stack(parts[start : start + _AT_ONCE]) for start in range(0, frames, _AT_ONCE)]
        return tf.expand_dims(tf.concat([resize(group, size) for group in groups], axis=0), 0)
    whole = decode_frames(jpegs, tf.stack([0, 0, height, width]), frames=frames)

    def part(box):
        top, left, high, wide = tf.unstack(box)
        return whole[:, top : top + high, left : left + wide]

    return tf.stack([resize(part(box), size) for box in boxes])


def clip_views(
    record: dict[str, Tensor],
    start_seconds: Tensor,
    *,
    clip: ClipSpec,
    choose_boxes: Callable,
    crops: int = 1,
) -> tuple[Tensor, Tensor]:
    """The video of a clip, in one or several crops.

    Args:
        record: what `vatt.data.parse` returns.
        start_seconds: float64 scalar, when the clip begins.
        clip: `ClipSpec`.
        choose_boxes: function from height and width (int32 scalars) to int32 [V, 4], the crops.
        crops: V as a Python number.

    Returns:
        uint8 [V, T, H, W, 3] and a float32 scalar, its mask: zeros and 0 for a record without video.
    """
    jpegs, size, frames = record["jpegs"], clip.frame_size, clip.frames
    available = tf.size(jpegs)

    def moving():
        indices = frame_indices(
            available,
            record["frame_rate_hz"],
            start_seconds,
            frames=frames,
            clip_frame_rate_hz=clip.frame_rate_hz,
        )
        chosen = tf.gather(jpegs, shown(jpegs, indices, has_repeats=record["has_repeats"]))
        return views(chosen, frames=frames, size=size, choose_boxes=choose_boxes)

    def still():  # a still: decoded once, shown all the time
        return tf.repeat(views(jpegs[:1], frames=1, size=size, choose_boxes=choose_boxes), frames, axis=1)

    def nothing():
        return tf.zeros([crops, frames, size, size, 3], tf.uint8)

    made = tf.switch_case(tf.minimum(available, 2), [nothing, still, moving])
    return tf.ensure_shape(made, [crops, frames, size, size, 3]), tf.cast(available > 0, tf.float32)


def is_flipped(key: Tensor) -> Tensor:
    """Whether a clip is shown mirrored: bool scalar, one half of the clips; key int64 [2]."""
    return tf.random.stateless_uniform([], window.draw_key(key, window.FLIP_DRAW)) < 0.5


def mirror_if(flipped: Tensor, frames: Tensor) -> Tensor:
    """uint8 [..., W, 3], mirrored left to right where `flipped`, a bool scalar, says so."""

    def mirrored():
        # As one tall frame: for [rows, W, 3] the op copies pixels, in a fifth of the time that it takes for
        # more axes, value by value, which was an eighth of all that a training clip costs.
        rows = tf.reshape(frames, [-1, *frames.shape[-2:]])
        return tf.reshape(tf.reverse(rows, axis=[1]), frames.shape)

    return tf.cond(flipped, mirrored, lambda: frames)
