"""Decoupled weight decay (Loshchilov and Hutter 2019) that spares norms, biases and positions."""

import re

import keras

# Parts of the paths of variables that decay would only harm: they are few, and their size means something.
SPARED = ("bias", "beta", "gamma", "scale", "position", "norm")


class SparingDecay:
    """Mixin, named before a Keras optimizer: weight ← (1 − learning rate · `decay`) · weight, then the
    optimizer's own rule.

    Args:
        decay: share of a weight taken off at each step, times the learning rate.
        spared: regular expressions; a variable whose path holds one of them is not decayed.
        options: of the optimizer.
    """

    def __init__(self, *, decay: float, spared=SPARED, **options):
        super().__init__(**options)
        if decay < 0:
            raise ValueError(f"`weight_decay` must not be negative. Received: weight_decay={decay}.")
        self.decay = decay
        self.spared = tuple(spared)
        self._decayed = ()

    def build(self, variables):
        super().build(variables)
        self._decayed = tuple(not self._is_spared(variable) for variable in variables)

    def decays(self, variable) -> bool:
        """Whether a variable that the optimizer was built for is decayed."""
        return bool(self.decay) and self._decayed[self._get_variable_index(variable)]

    def update_step(self, gradient, variable, learning_rate):
        if self.decays(variable):
            rate = keras.ops.cast(learning_rate * self.decay, variable.dtype)
            self.assign_sub(variable, variable * rate)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self):
        return super().get_config() | {"decay": self.decay, "spared": self.spared}

    def _is_spared(self, variable) -> bool:
        return any(re.search(part, variable.path) for part in self.spared)


class AdamW(SparingDecay, keras.optimizers.Adam):
    """Adam with `SparingDecay`."""


class SGDW(SparingDecay, keras.optimizers.SGD):
    """Stochastic gradient descent with `SparingDecay`."""
