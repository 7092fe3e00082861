"""The captions of a clip: the K nearest to it in time (MIL-NCE's candidates, Eq. 5)."""

import tensorflow as tf


def nearest_captions(record, middle_seconds, *, candidates):
    """The captions whose middle is nearest to the clip's middle, nearest first; of two equally near, the
    earlier.

    Captions without times (DMVR) all count as equally near: the first ones are taken.

    Args:
        record: what `vatt.data.parse` returns.
        middle_seconds: float32 scalar, the clip's middle.
        candidates: captions wanted, K.

    Returns:
        string [K], "" where there are fewer.
    """
    captions = record["captions"]
    middles = (record["caption_start_seconds"] + record["caption_end_seconds"]) / 2
    middles = tf.cond(
        tf.size(middles) == tf.size(captions), lambda: middles, lambda: tf.zeros(tf.shape(captions))
    )
    in_time = tf.argsort(middles, stable=True)
    distances = tf.abs(tf.gather(middles, in_time) - middle_seconds)
    nearest = tf.gather(in_time, tf.argsort(distances, stable=True))[:candidates]
    chosen = tf.gather(captions, nearest)
    return tf.ensure_shape(
        tf.pad(chosen, [[0, candidates - tf.size(chosen)]], constant_values=""), [candidates]
    )
