"""Mixup of audio and its labels (Zhang et al. 2018; paper A.3): each clip is blended with another.

Weights and partners are functions of the seed and of the examples in the batch, so that a resumed run mixes
as an uninterrupted one does.
"""

import tensorflow as tf

from vatt import spec
from vatt.data import window
from vatt.protocols import Batch, Tensor

# Whole shapes up to this are drawn by sorting uniforms, all others from two gamma variates.
_SORTED_AT_MOST = 16


def mix_batch(batch: Batch, *, alpha: float, seed: int) -> Batch:
    """Of each clip λ, of its partner 1 - λ, in audio and labels alike; λ ~ Beta(alpha, alpha) for each clip.

    Partners are neighbours on a circle through the batch in random order: each clip gives to one and takes
    from one, never itself unless it is alone. Clips without audio are left out and stay as they are; blended,
    they would lend their labels to other audio.

    Args:
        batch: of `vatt.spec`, with audio, label, audio_mask and example_index.
        alpha: both parameters of the beta distribution, positive; the paper's is 5.
        seed: of the run.

    Returns:
        The batch with other audio and labels; the masks hold as before.
    """
    if not alpha > 0:
        raise ValueError(f"`alpha` must be positive. Received: alpha={alpha}. The paper's is 5.")

    def draw(example) -> tuple[Tensor, Tensor]:
        key = tf.stack([tf.constant(seed, tf.int64), example])
        weight = _beta(alpha, window.draw_key(key, window.MIXUP_WEIGHT_DRAW))
        return weight, tf.random.stateless_uniform([], window.draw_key(key, window.MIXUP_PARTNER_DRAW))

    weights, places = tf.map_fn(draw, batch[spec.EXAMPLE_INDEX], fn_output_signature=(tf.float32, tf.float32))
    partners = _next_on_circle(places, batch[spec.AUDIO_MASK] > 0)

    def mixed(rows):
        # So written, a clip that is its own partner stays the same to the last bit.
        return rows + (1 - weights)[:, tf.newaxis] * (tf.gather(rows, partners) - rows)

    return batch | {name: mixed(batch[name]) for name in (spec.AUDIO, spec.LABEL)}


def _beta(alpha, key):
    """A draw from Beta(alpha, alpha), float32 scalar in [0, 1]."""
    if float(alpha).is_integer() and alpha <= _SORTED_AT_MOST:
        # The a-th smallest of 2a - 1 uniforms is distributed so.
        uniforms = tf.random.stateless_uniform([2 * int(alpha) - 1], key)
        return tf.sort(uniforms)[int(alpha) - 1]
    # X / (X + Y) of two variates of Gamma(a, 1) is distributed so.
    pair = tf.random.stateless_gamma([2], key, tf.constant(alpha, tf.float64), dtype=tf.float64)
    return tf.cast(pair[0] / tf.reduce_sum(pair), tf.float32)


def _next_on_circle(places, takes_part):
    """The row after each row, int32 [B], on a circle in the order of `places`, float32 [B] in [0, 1).

    Rows that do not take part (bool [B]) are their own.
    """
    order = tf.argsort(tf.where(takes_part, places, 1.0), stable=True)
    numbers, size = tf.range(tf.size(order)), tf.math.count_nonzero(takes_part, dtype=tf.int32)
    after = tf.where(numbers < size, (numbers + 1) % tf.maximum(size, 1), numbers)
    return tf.scatter_nd(order[:, tf.newaxis], tf.gather(order, after), tf.shape(order))
