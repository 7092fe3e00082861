"""An exponential moving average of the weights: what is evaluated and exported where a run asks for it."""

import contextlib

import gin
import tensorflow as tf


@gin.register
class WeightAverage(tf.Module):
    """average ← d · average + (1 − d) · weight after each step, part of every checkpoint.

    Args:
        decay: d. In the first steps min(d, (1 + n) / (10 + n)) is used, n the steps done, so that the initial
            weights are soon forgotten.

    The moving statistics of batch normalisation are averages already and are not averaged again.
    """

    def __init__(self, *, decay: float = 0.9999):
        super().__init__()
        if not 0 <= decay < 1:
            raise ValueError(f"`decay` must lie in [0, 1). Received: decay={decay}.")
        self.decay = decay
        self.averages = []
        self._variables = []

    def build(self, variables) -> None:
        """Starts the averages at the values of Keras variables."""
        self._variables = [variable.value for variable in variables]
        self.averages = [
            tf.Variable(
                variable,
                trainable=False,
                name=f"average_{number}",
                aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            )
            for number, variable in enumerate(self._variables)
        ]

    def follow(self, strategy, steps) -> None:
        """After step number `steps` (from 1); in cross-replica context."""
        steps = tf.cast(steps, tf.float32)
        share = 1.0 - tf.minimum(self.decay, (1.0 + steps) / (10.0 + steps))

        def move(average, variable):
            average.assign_add(tf.cast(share, average.dtype) * (variable - average))

        for average, variable in zip(self.averages, self._variables):
            strategy.extended.update(average, move, args=(variable,), group=False)

    @contextlib.contextmanager
    def in_model(self):
        """Within the block the model holds the averages; after it, the same weights as before, bit for
        bit.
        """
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self):
        for average, variable in zip(self.averages, self._variables):
            weight = tf.identity(variable)
            variable.assign(average)
            average.assign(weight)
