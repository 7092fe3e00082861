"""The captions of a clip: the K nearest to it in time (MIL-NCE's candidates, Eq. 5)."""

import tensorflow as tf

from vatt.protocols import Tensor


def nearest_captions(record: dict[str, Tensor], middle_seconds: Tensor, *, candidates: int) -> Tensor:
    """The captions whose middle is nearest to the clip's middle, nearest first; of two equally near, the
    earlier. Captions without times (DMVR) all count as equally near.

    Args:
        record: what `vatt.data.parse` returns.
        middle_seconds: float64 scalar, the clip's middle.
        candidates: captions wanted, K.

    Returns:
        string [K], "" where there are fewer.
    """
    captions = record["captions"]
    starts, ends = record["caption_start_seconds"], record["caption_end_seconds"]
    middles = tf.cond(
        (tf.size(starts) == tf.size(captions)) & (tf.size(ends) == tf.size(captions)),
        # Twice in float64: the sum of two float32 is exact there, so that ties are ties.
        lambda: (tf.cast(starts, tf.float64) + tf.cast(ends, tf.float64)) / 2,
        lambda: tf.zeros(tf.shape(captions), tf.float64),
    )
    in_time = tf.argsort(middles, stable=True)
    distances = tf.abs(tf.gather(middles, in_time) - tf.cast(middle_seconds, tf.float64))
    nearest = tf.gather(in_time, tf.argsort(distances, stable=True))[:candidates]
    chosen = tf.gather(captions, nearest)
    return tf.ensure_shape(
        tf.pad(chosen, [[0, candidates - tf.size(chosen)]], constant_values=""), [candidates]
    )
