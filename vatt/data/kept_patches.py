"""DropToken on the host: of a clip the patches alone that the model reads, chosen by the model's own draw.

The draw is the hash of `vatt.layers.draws`, here in TensorFlow, so that any engine's clips are chosen by the
graph that makes them; tests hold the two together to the bit.
"""

import math
from collections.abc import Mapping

import tensorflow as tf

from vatt import spec
from vatt.protocols import Tensor

Reads = Mapping[str, spec.PatchesRead]  # by modality
_WORD = 2**32
_INT32_RANGE = 2**31
_EXACT = 2**24 // 255  # pixels whose sum float32 holds exactly


def keep(clip: Mapping[str, Tensor], reads: Reads, *, seed: int, position: Tensor) -> dict[str, Tensor]:
    """A training clip with the patches that are read, in place of the signals they are of.

    Args:
        clip: by the names of `vatt.spec`, of one clip.
        reads: which patches.
        seed: of the run.
        position: int64 scalar, of the clip in the stream; its `spec.EXAMPLE_INDEX`.

    Returns:
        The clip with other signals, their `spec.KEPT` and, of video, `spec.VIDEO_MEAN`.
    """
    made = dict(clip)
    for modality in clip.keys() & reads.keys():
        read, signal = reads[modality], clip[modality]
        kept = kept_places(read, seed=seed, position=position)
        made[spec.KEPT[modality]] = kept
        made[modality] = tf.ensure_shape(patches_at(signal, kept, read), [read.count, read.values])
        if modality == spec.VIDEO:
            made[spec.VIDEO_MEAN] = mean_colour(signal)
    return made


def kept_places(read: spec.PatchesRead, *, seed: int, position: Tensor) -> Tensor:
    """Places in the grid of the patches that DropToken keeps of a clip, int32 [N], rising."""
    tokens = math.prod(read.grid)
    by_seed = _mix(tf.constant(((seed % _INT32_RANGE + read.seed_offset) % _WORD) ^ read.salt, tf.uint32))
    by_clip = _mix(by_seed + tf.cast(position % _INT32_RANGE, tf.uint32))
    by_token = _mix(tf.cast(tf.range(tokens), tf.uint32) + tf.constant(0x9E3779B9, tf.uint32))
    bits = tf.bitwise.right_shift(_mix(tf.bitwise.bitwise_xor(by_clip, by_token)), tf.constant(8, tf.uint32))
    return tf.sort(tf.argsort(tf.cast(bits, tf.int32), stable=True)[: read.count])


def patches_at(signal: Tensor, places: Tensor, read: spec.PatchesRead) -> Tensor:
    """Patches [N, values] of a signal [*sizes] or [*sizes, channels], flat, at these places of the grid."""
    grid, patch = read.grid, read.patch
    if len(patch) == 1:
        wanted = grid[0] * patch[0]
        whole = tf.pad(signal[:wanted], [[0, max(0, wanted - read.sizes[0])]])
        return tf.gather(tf.reshape(whole, [grid[0], patch[0]]), places)
    frames = signal[tuple(slice(0, count * size) for count, size in zip(grid, patch))]
    # A patch is made of pieces of rows, each contiguous; they are copied one by one.
    times, rows, columns = tf.unstack(tf.unravel_index(places, tf.constant(grid, tf.int32)))
    times = times[:, None] * patch[0] + tf.range(patch[0])
    rows = rows[:, None] * patch[1] + tf.range(patch[1])
    numbers = (times[:, :, None] * (grid[1] * patch[1]) + rows[:, None, :]) * grid[2] + columns[:, None, None]
    flat = tf.reshape(frames, [-1, patch[2] * frames.shape[-1]])
    return tf.reshape(tf.gather(flat, numbers), [places.shape[0], read.values])


def mean_colour(frames: Tensor) -> Tensor:
    """Mean of uint8 [T, H, W, 3], float32 [3] in [0, 1]: to the bit what `ColourJitter` finds of them."""
    count = frames.shape.num_elements() // 3
    least = max(min(16, count), -(-count // _EXACT))
    parts = next(each for each in range(least, count + 1) if count % each == 0)
    rows = tf.reshape(tf.cast(frames, tf.float32), [count // parts, 3 * parts])
    sums = tf.cast(tf.matmul(tf.ones([1, rows.shape[0]]), rows), tf.int64)
    total = tf.reduce_sum(tf.reshape(sums, [parts, 3]), axis=0)
    return tf.cast(total, tf.float32) * (1 / (255.0 * count))


def _mix(words: Tensor) -> Tensor:
    """Of `vatt.layers.draws`: uint32 -> uint32."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
        words = tf.bitwise.bitwise_xor(words, tf.bitwise.right_shift(words, tf.constant(shift, tf.uint32)))
        words *= tf.constant(factor, tf.uint32)
    return words
