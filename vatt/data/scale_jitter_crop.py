"""The crop of the released pre-training, VGG's: jitter height and width, resize the short side, cut a square.

The two resizes and the cut are one box of the frame: a pixel-exact cut from a frame that was resized to
factors times its size is a cut, of other proportions, from the frame itself. So the box is drawn first and
only it is decoded, and the frame is interpolated once instead of twice.
"""

from collections.abc import Sequence

import gin
import tensorflow as tf

from vatt.data import window
from vatt.protocols import Tensor


@gin.register
class ScaleJitterCrop:
    """One box for all frames of a clip, drawn as the release's DMVR pipeline does.

    Height and width are multiplied by factors of their own, then the shorter of the results is what the
    square is cut from. Of the two factors only the quotient is left, as aspect: the released code undoes the
    common scale when it resizes the shorter side. The box is rounded to pixels of the stored frame.

    Args:
        probability: share of clips whose scales are jittered at all (the release: 0.8).
        scale: lowest and highest factor (the release: 0.8 and 1.2).
        share: side of the square as a share of the shorter side after it was resized, in (0, 1]: the
            release's crop size over its `min_resize`, 224 / 224.
    """

    def __init__(self, *, probability: float = 0.8, scale: Sequence[float] = (0.8, 1.2), share: float = 1.0):
        low, high = scale
        if not 0 <= probability <= 1:
            raise ValueError(f"`probability` must be in [0, 1]. Received: probability={probability}.")
        if not 0 < low <= high:
            raise ValueError(
                f"`scale` must be (lowest, highest), above 0. Received: scale={tuple(scale)}. The release's "
                "is (0.8, 1.2)."
            )
        if not 0 < share <= 1:
            raise ValueError(f"`share` must be above 0 and at most 1. Received: share={share}.")
        self.probability, self.scale, self.share = probability, (low, high), share

    def box(self, height: Tensor, width: Tensor, key: Tensor) -> Tensor:
        """See `vatt.protocols.Crop`."""
        drawn = tf.random.stateless_uniform([5], window.draw_key(key, window.CROP_DRAW))
        low, high = self.scale
        factors = tf.where(drawn[0] < self.probability, low + drawn[1:3] * (high - low), 1.0)
        stored = tf.stack([height, width])
        jittered = tf.cast(stored, tf.float32) * factors
        wanted = self.share * tf.reduce_min(jittered) / factors
        size = tf.clip_by_value(tf.cast(wanted + 0.5, tf.int32), 1, stored)
        # Each of the slack + 1 places is as likely; a draw is below 1, but its product may round up.
        slack = stored - size
        begin = tf.minimum(tf.cast(drawn[3:] * tf.cast(slack + 1, tf.float32), tf.int32), slack)
        return tf.concat([begin, size], axis=0)
