"""From summed gradients to new weights: bounds on their norms, learning rates by group and layer, the
optimizer's rule, the average.

Keras's `Optimizer.apply` would sum gradients over replicas a second time, an all-reduce of the size of the
model at every step, and knows one learning rate. So the rule, `Optimizer.update_step`, is called here for
each variable, as `apply` does it, and nothing else of `apply` is needed. An optimizer of ours (`Adam`) does
once per step what is the same for all variables of a learning rate.
"""

import functools
from collections.abc import Iterable, Sequence
from typing import Any

import tensorflow as tf

from vatt.engines.optimization import Optimization
from vatt.engines.tensorflow.average import AveragedWeights
from vatt.optimizers.adam import Adam


class Update:
    """Changes a model's trainable variables.

    Args:
        optimizer: a Keras optimizer, built for `variables`.
        variables: Keras variables.
        optimization: bounds, groups, decay.
        average: of `variables`; None without an average.
    """

    def __init__(
        self,
        *,
        optimizer: Any,
        variables: Iterable[Any],
        optimization: Optimization = Optimization(),  # noqa: B008 (frozen)
        average: AveragedWeights | None = None,
    ):
        self.optimizer = optimizer
        self._is_ours = isinstance(optimizer, Adam)
        self.variables = list(variables)
        self.average = average
        self._each = optimization.per_variable([variable.path for variable in self.variables])

    @property
    def changed(self) -> list[tf.Variable]:
        """All variables that `apply` changes."""
        own = [variable.value for variable in (*self.variables, *self.optimizer.variables)]
        return own + (self.average.averages if self.average is not None else [])

    @property
    def learning_rate(self) -> tf.Tensor:
        """Of the coming step, before the factors of groups and layers."""
        return tf.convert_to_tensor(self.optimizer.learning_rate)

    def clip_scales(self, squared_norms: tf.Tensor) -> list[tf.Tensor | None]:
        """What to multiply each bounded set of gradients with, a list; None where a set has no bound.

        Args:
            squared_norms: float32 `[V]`, of the summed gradients of each variable.
        """
        scales = []
        for number, bound in enumerate(self._each.bounds):
            if bound is None:
                scales.append(None)
                continue
            members = [index for index, bounded in enumerate(self._each.sets) if bounded == number]
            norm = tf.sqrt(tf.reduce_sum(tf.gather(squared_norms, members)))
            scales.append(bound / tf.maximum(norm, bound))
        return scales

    def apply(self, gradients: Sequence[tf.Tensor], scales: Sequence[tf.Tensor | None]) -> None:
        """One step; called in replica context with gradients that are the same on every replica."""
        gradients = list(gradients)
        for index, number in enumerate(self._each.sets):
            if (scale := scales[number]) is not None:
                gradients[index] *= tf.cast(scale, gradients[index].dtype)
        factors = {*self._each.learning_rate_factors} - {0.0}
        rates = {factor: self.learning_rate * factor for factor in factors}
        sizes = {factor: self._step_size(rates[factor]) for factor in sorted(rates)}
        context = tf.distribute.get_replica_context()
        context.merge_call(self._apply_merged, args=(gradients, rates, sizes))

    def _step_size(self, rate):
        return self.optimizer.step_size(rate) if self._is_ours else rate

    def _apply_merged(self, strategy, gradients, rates, sizes):
        for index, (variable, gradient, factor) in enumerate(
            zip(self.variables, gradients, self._each.learning_rate_factors, strict=True)
        ):
            if factor:
                strategy.extended.update(
                    variable.value,
                    functools.partial(self._change, index),
                    args=(gradient, rates[factor], sizes[factor]),
                    group=False,
                )
        self.optimizer.iterations.assign_add(1)
        if self.average is not None:
            self.average.follow(strategy, self.optimizer.iterations.value)

    def _change(self, index: int, variable, gradient, rate, size) -> None:
        if self._each.decays[index]:
            variable.assign_sub(variable * tf.cast(rate * self._each.decays[index], variable.dtype))
        if self._is_ours:
            self.optimizer.change(index, gradient, variable, size)
        else:
            self.optimizer.update_step(gradient, variable, rate)
