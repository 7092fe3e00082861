"""DropToken on the host: of a training clip, the patches alone that the model will read, with their places.

The places come from the model's own draw (`spec.PatchesRead.choose`), so they are exactly those that the
device would have kept. Frames stay uint8; colours are jittered on the device, for which the mean of the
whole clip goes along.
"""

import math

import numpy as np
import tensorflow as tf

from vatt import spec
from vatt.data import video
from vatt.spec import patch_grid

_INT32_RANGE = 2**31  # of each half of a draw key, as in `vatt.engines.tensorflow.step.draw_keys`


class KeptPatches:
    """Cuts the kept patches out of a clip.

    Args:
        read: by modality, what the model reads (`spec.PatchesRead`); other modalities stay whole.
        clip: `ClipSpec`, whose patch grids must be those of the model's position tables.
    """

    def __init__(self, read, *, clip):
        size = clip.frame_size
        sizes = {spec.VIDEO: (clip.frames, size, size), spec.AUDIO: (clip.samples,)}
        self._read = {modality: each for modality, each in read.items() if modality in clip.modalities}
        if not self._read:
            raise ValueError(
                f"`host_drop_token` needs a model that drops tokens of what the clips hold. Received: "
                f"DropToken on {tuple(read) or 'nothing'}, clips of {clip.modalities}. Leave it out."
            )
        for modality, each in self._read.items():
            is_whole = all(length % step == 0 for length, step in zip(sizes[modality], each.patch))
            grid = patch_grid(sizes[modality], each.patch, "pad" if each.pads else "drop")
            if grid != each.grid:
                raise ValueError(
                    f"With `host_drop_token` clips must have the patch grid of the model's positions. "
                    f"Received: {modality} of {sizes[modality]}, which are {grid} patches of {each.patch}, "
                    f"for positions {each.grid}. Give model and dataset one `ClipSpec`."
                )
            if modality == spec.VIDEO and each.pads and not is_whole:
                raise ValueError(
                    f"With `host_drop_token` patches must divide the frames: padding is grey on the "
                    f"device, and uint8 has no such grey. Received: patches of {each.patch} for "
                    f"{sizes[modality]}. Give the model `edge = 'drop'`, or clips of another size."
                )
        self.features = self._features()

    def __call__(self, clip, key, flipped):
        """The clip with patches for signals, see `spec.KEPT`.

        Args:
            clip: a training clip of one source.
            key: int64 [2] = (seed, position).
            flipped: bool scalar, whether its frames are still to be mirrored: only what is kept then is.
        """
        draw_key = tf.cast(key % _INT32_RANGE, tf.int32)[tf.newaxis]
        clip = dict(clip)
        for modality, each in self._read.items():
            kept = tf.ensure_shape(each.choose(draw_key), [each.count])
            clip[spec.KEPT[modality]] = kept
            if modality == spec.VIDEO:
                clip[spec.VIDEO_MEAN] = mean_colour(clip[spec.VIDEO])
                clip[modality] = video_patches(
                    clip[modality], kept, flipped, patch=each.patch, grid=each.grid
                )
            else:
                clip[modality] = audio_patches(clip[modality], kept, patch=each.patch, grid=each.grid)
        return clip

    def _features(self) -> dict:
        """Name -> (dtype name, shape) of the features that differ from those of whole clips."""
        features = {}
        for modality, each in self._read.items():
            is_video = modality == spec.VIDEO
            values = math.prod(each.patch) * (3 if is_video else 1)
            features[modality] = ("uint8" if is_video else "float32", (each.count, values))
            features[spec.KEPT[modality]] = ("int32", (each.count,))
            if is_video:
                features[spec.VIDEO_MEAN] = ("float32", (3,))
        return features


def video_patches(frames, kept, flipped, *, patch, grid):
    """Patches of a clip, mirrored before they are cut if `flipped`, a bool scalar.

    Whole rows of a patch are copied; a transposition of the clip would touch what is not kept as well. Of a
    clip that is to be mirrored the patches at the mirrored places are, instead of all of it.

    Args:
        frames: uint8 [T, H, W, 3].
        kept: int32 [N], numbers of places in the grid.
        flipped: as above.
        patch: frames, rows and columns of pixels in a patch.
        grid: patches over time, height and width.

    Returns:
        uint8 [N, values of a patch], ordered time, row, column, colour.
    """
    deep, high, wide = patch
    times, rows, columns = grid
    height, width = frames.shape[1:3]
    used = columns * wide
    if used < width:  # the right edge is dropped, of a mirrored clip what was the left one
        left = tf.where(flipped, width - used, 0)
        frames = tf.slice(frames, [0, 0, left, 0], [frames.shape[0], height, used, 3])
    # Rows of one patch's width, numbered (frame · H + row of pixels) · columns + column of patches.
    lines = tf.reshape(frames, [-1, wide * 3])
    of_patch = (np.arange(deep)[:, np.newaxis] * height + np.arange(high)).reshape(-1) * columns
    time, row, column = kept // (rows * columns), kept // columns % rows, kept % columns
    column = tf.where(flipped, columns - 1 - column, column)
    first = (time * deep * height + row * high) * columns + column
    taken = tf.gather(lines, first[:, tf.newaxis] + tf.constant(of_patch, tf.int32))
    taken = video.mirror_if(flipped, tf.reshape(taken, [-1, wide, 3]))
    return tf.reshape(taken, [kept.shape[0], deep * high * wide * 3])


def audio_patches(signal, kept, *, patch, grid):
    """float32 [S], int32 [N] -> float32 [N, samples of a patch]; the last patch is filled with zeros."""
    wanted = grid[0] * patch[0]
    signal = tf.pad(signal, [[0, max(0, wanted - signal.shape[0])]])[:wanted]
    return tf.gather(tf.reshape(signal, [grid[0], patch[0]]), kept)


def mean_colour(frames):
    """uint8 [T, H, W, 3] -> float32 [3] in [0, 1]."""
    height, width = frames.shape[1:3]
    # Frame by frame, each column of pixels as a product with ones: such sums are exact in float32, in half
    # the time of `reduce_sum`.
    ones = tf.ones([1, height])
    sums = [
        tf.matmul(ones, tf.cast(tf.reshape(each, [height, width * 3]), tf.float32))
        for each in tf.unstack(frames)
    ]
    total = tf.reduce_sum(tf.reshape(tf.cast(tf.add_n(sums), tf.float64), [width, 3]), axis=0)
    return tf.cast(total / (255.0 * math.prod(frames.shape[:3])), tf.float32)
