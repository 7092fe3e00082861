"""From summed gradients to new weights: bounds on their norms, learning rates by group and layer, the
optimizer's rule, the average. Called where Keras variables have the values of a step, which it assigns.
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from vatt.engines.jax.state import State
from vatt.engines.optimization import Optimization
from vatt.optimizers.adam import Adam


class Update:
    """Changes the variables of a state.

    Args:
        state: its optimizer is built.
        optimization: bounds, groups, decay, the average.
    """

    def __init__(self, state: State, optimization: Optimization):
        self._optimizer = state.optimizer
        self._is_ours = isinstance(state.optimizer, Adam)
        self._variables = state.variables
        self._averages = state.averages
        self._average = optimization.average
        self._each = optimization.per_variable([variable.path for variable in self._variables])

    @property
    def learning_rate(self) -> Any:
        """Of the coming step, before the factors of groups and layers."""
        return jnp.asarray(self._optimizer.learning_rate)

    def apply(self, gradients: Sequence[Any], squared_norms: Any) -> None:
        """One step.

        Args:
            gradients: summed, one per variable.
            squared_norms: float32 `[V]`, of each of them.
        """
        gradients = self._clipped(gradients, squared_norms)
        factors = self._each.learning_rate_factors
        rates = {factor: self.learning_rate * factor for factor in {*factors} - {0.0}}
        sizes = {factor: self._optimizer.step_size(rates[factor]) for factor in rates if self._is_ours}
        for index, (variable, gradient, factor) in enumerate(
            zip(self._variables, gradients, factors, strict=True)
        ):
            if not factor:
                continue
            if self._each.decays[index]:
                variable.assign_sub(variable.value * (rates[factor] * self._each.decays[index]))
            if self._is_ours:
                self._optimizer.change(index, gradient, variable, sizes[factor])
            else:
                self._optimizer.update_step(gradient, variable, rates[factor])
        self._optimizer.iterations.assign_add(1)
        self._follow(self._optimizer.iterations.value)

    def _clipped(self, gradients, squared_norms):
        """Each bounded set of gradients, scaled down where its norm is above the bound."""
        gradients = list(gradients)
        for number, bound in enumerate(self._each.bounds):
            if bound is not None:
                members = [index for index, bounded in enumerate(self._each.sets) if bounded == number]
                norm = jnp.sqrt(jnp.sum(squared_norms[jnp.array(members)]))
                for index in members:
                    gradients[index] *= (bound / jnp.maximum(norm, bound)).astype(gradients[index].dtype)
        return gradients

    def _follow(self, steps):
        """Moves the averages after step number `steps` (from 1)."""
        if self._average is None:
            return
        steps = steps.astype(jnp.float32)
        share = 1.0 - jnp.minimum(self._average.decay, (1.0 + steps) / (10.0 + steps))
        for average, variable in zip(self._averages, self._variables, strict=True):
            average.assign_add(share.astype(average.dtype) * (variable.value - average.value))
