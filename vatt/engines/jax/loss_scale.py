"""Dynamic loss scaling for float16, see `vatt/engines/tensorflow/loss_scale.py`, whose numbers these are."""

from typing import Any

import jax.numpy as jnp
import keras

_GROWTH_STEPS = 2000  # good steps in a row after which the scale doubles
_MOST = 2.0**126  # the largest power whose inverse is a normal float32


class LossScale:
    """The scale and its history, Keras variables that are part of every checkpoint."""

    def __init__(self):
        self.value = keras.Variable(2.0**15, trainable=False, dtype="float32", name="loss_scale")
        self.good_steps = keras.Variable(0, trainable=False, dtype="int32", name="good_steps")

    @property
    def variables(self) -> list:
        """Both."""
        return [self.value, self.good_steps]

    def follow(self, good: Any) -> None:
        """Notes whether a step's gradients were finite, a bool."""
        scale, count = self.value.value, self.good_steps.value
        grown = count + 1 >= _GROWTH_STEPS
        value = jnp.where(good, jnp.where(grown, scale * 2, scale), jnp.maximum(scale / 2, 1))
        self.good_steps.assign(jnp.where(good & ~grown, count + 1, 0))
        self.value.assign(jnp.minimum(value, _MOST))
