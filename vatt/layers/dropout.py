"""Dropout whose mask is a pure function of the example (see `draws`)."""

import keras
from keras import ops

from vatt.layers import draws
from vatt.layers.configured import Configured


@keras.saving.register_keras_serializable("vatt")
class Dropout(Configured, keras.layers.Layer):
    """Zeroes elements with probability `rate` in training and scales the rest by 1 / (1 − rate).

    Args:
        rate: float in [0, 1).

    Input and output: [B, ...] of any float dtype.
    """

    def __init__(self, rate, *, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        if not 0 <= rate < 1:
            raise ValueError(f"`rate` must lie in [0, 1). Received: rate={rate}.")
        self.rate = rate
        self._salt = None

    def build(self, input_shape=None):
        self._salt = draws.salt_of(self)

    def call(self, inputs, training=False):
        if not training or not self.rate:
            return inputs
        drawn = draws.uniform(ops.shape(inputs), salt=self._salt)
        scale = ops.cast(drawn >= self.rate, inputs.dtype) / (1 - self.rate)
        return inputs * scale
