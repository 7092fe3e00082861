"""From summed gradients to new weights: bounds on their norms, learning rates by group and layer, the
optimizer's rule, the average.

Keras's `Optimizer.apply` would sum gradients over replicas a second time, an all-reduce of the size of the
model at every step, and knows one learning rate. So the rule, `Optimizer.update_step`, is called here for
each variable, as `apply` does it, and nothing else of `apply` is needed. An optimizer that has `step_size`
and `change` (`adam.py`) does once per step what is the same for all variables of a learning rate.
"""

from collections.abc import Sequence

import tensorflow as tf

from vatt.engines.groups import Group, group_numbers, layer_factors
from vatt.engines.tensorflow.average import WeightAverage


class Update:
    """Changes a model's trainable variables.

    Args:
        optimizer: a Keras optimizer, built for `variables`.
        variables: Keras variables.
        clip_global_norm: upper bound of the norm of all gradients together; None for no bound.
        groups: weights with learning rates and bounds of their own.
        layer_decay: see `layer_factors`; None for one learning rate at all depths.
        average: built for `variables`, or None.
    """

    def __init__(
        self,
        *,
        optimizer,
        variables,
        clip_global_norm: float | None = None,
        groups: Sequence[Group] = (),
        layer_decay: float | None = None,
        average: WeightAverage | None = None,
    ):
        bounds = [group.clip_global_norm for group in groups]
        if clip_global_norm is not None and any(bounds):
            raise ValueError(
                "Gradients are clipped together or by group. Received: "
                f"clip_global_norm={clip_global_norm}, groups with {bounds}. Give one of the two."
            )
        self.optimizer = optimizer
        self.variables = list(variables)
        self.average = average
        paths = [variable.path for variable in self.variables]
        self._groups = group_numbers(groups, paths)
        factors = [group.learning_rate_factor for group in groups] + [1.0]
        layers = layer_factors(paths, layer_decay) if layer_decay is not None else [1.0] * len(paths)
        self.learning_rate_factors = [
            factors[group] * layer for group, layer in zip(self._groups, layers, strict=True)
        ]
        if clip_global_norm is not None:  # one bound for whatever there is
            self._bounds = [clip_global_norm]
            self._bounded = [0] * len(paths)
        else:
            self._bounds = [*bounds, None]
            self._bounded = self._groups

    @property
    def learning_rate(self) -> tf.Tensor:
        """Of the coming step, before the factors of groups and layers."""
        return tf.convert_to_tensor(self.optimizer.learning_rate)

    def clip_scales(self, squared_norms):
        """What to multiply each bounded set of gradients with, a list; None where a set has no bound.

        Args:
            squared_norms: float32 `[V]`, of the summed gradients of each variable.
        """
        scales = []
        for number, bound in enumerate(self._bounds):
            if bound is None:
                scales.append(None)
                continue
            members = [index for index, bounded in enumerate(self._bounded) if bounded == number]
            norm = tf.sqrt(tf.reduce_sum(tf.gather(squared_norms, members)))
            scales.append(bound / tf.maximum(norm, bound))
        return scales

    def apply(self, gradients, scales) -> None:
        """One step; called in replica context with gradients that are the same on every replica."""
        gradients = [
            gradient if scales[bounded] is None else gradient * tf.cast(scales[bounded], gradient.dtype)
            for gradient, bounded in zip(gradients, self._bounded, strict=True)
        ]
        step_size = getattr(self.optimizer, "step_size", lambda learning_rate: learning_rate)
        factors = sorted(set(self.learning_rate_factors) - {0.0})
        step_sizes = {factor: step_size(self.learning_rate * factor) for factor in factors}
        context = tf.distribute.get_replica_context()
        context.merge_call(self._apply_merged, args=(gradients, step_sizes))

    def _apply_merged(self, strategy, gradients, step_sizes):
        change = getattr(self.optimizer, "change", self.optimizer.update_step)
        for variable, gradient, factor in zip(
            self.variables, gradients, self.learning_rate_factors, strict=True
        ):
            if factor:
                strategy.extended.update(
                    variable.value,
                    lambda variable, gradient, step_size: change(gradient, variable, step_size),
                    args=(gradient, step_sizes[factor]),
                    group=False,
                )
        self.optimizer.iterations.assign_add(1)
        if self.average is not None:
            self.average.follow(strategy, self.optimizer.iterations.value)
