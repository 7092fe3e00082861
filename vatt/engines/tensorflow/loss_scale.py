"""Dynamic loss scaling, without which small gradients of float16 become zero (Micikevicius et al. 2018, 3.2).

The loss is multiplied by the scale before differentiation and the summed gradients are divided by it after. A
step whose gradients overflow is skipped and halves the scale; many good ones in a row double it. Scales are
powers of two, so nothing but overflow and underflow changes.
"""

import tensorflow as tf


class LossScale(tf.Module):
    """The scale and its history, part of every checkpoint.

    Args:
        initial: first scale; high, since it falls faster than it rises.
        growth_steps: good steps in a row after which the scale doubles.

    Below a scale of 1 nothing is gained: a step that overflows there is a bad step, not a scaling matter.
    """

    def __init__(self, *, initial: float = 2.0**15, growth_steps: int = 2000):
        super().__init__()
        self.growth_steps = growth_steps
        options = {"trainable": False, "aggregation": tf.VariableAggregation.ONLY_FIRST_REPLICA}
        self.value = tf.Variable(tf.constant(initial, tf.float32), name="loss_scale", **options)
        self.good_steps = tf.Variable(tf.constant(0, tf.int32), name="good_steps", **options)

    def can_shrink(self) -> tf.Tensor:
        """Bool: overflow may still be the scale's fault."""
        return self.value > 1.0

    def follow(self, good: tf.Tensor) -> None:
        """Notes whether a step's gradients were finite, a bool; called in cross-replica context."""
        grown = self.good_steps + 1 >= self.growth_steps
        shrunk = tf.maximum(self.value * 0.5, 1.0)
        value = tf.where(good, tf.where(grown, self.value * 2.0, self.value), shrunk)
        self.good_steps.assign(tf.where(good & tf.logical_not(grown), self.good_steps + 1, 0))
        # 2^126: the largest power whose inverse is a normal float32.
        self.value.assign(tf.minimum(value, 2.0**126))
