"""An exponential moving average of the weights: what is evaluated and exported where a run asks for it."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf


class AveragedWeights(tf.Module):
    """The averages of some variables, see `WeightAverage`.

    Args:
        decay: share of the average that a step keeps, at most.
        variables: Keras variables, at whose values the averages start.
    """

    def __init__(self, decay: float, variables: Sequence[Any]):
        super().__init__()
        self.decay = decay
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

    def follow(self, strategy: tf.distribute.Strategy, steps: tf.Tensor) -> None:
        """Updates the averages after step number `steps` (from 1); in cross-replica context."""
        steps = tf.cast(steps, tf.float32)
        share = 1.0 - tf.minimum(self.decay, (1.0 + steps) / (10.0 + steps))

        def move(average, variable):
            average.assign_add(tf.cast(share, average.dtype) * (variable - average))

        for average, variable in zip(self.averages, self._variables):
            strategy.extended.update(average, move, args=(variable,), group=False)

    @contextlib.contextmanager
    def in_model(self) -> Iterator[None]:
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
