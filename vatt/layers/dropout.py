"""Dropout whose mask is a pure function of the example (see `draws`)."""

from typing import Any

import keras
from keras import ops

from vatt.layers import draws
from vatt.layers.configured import Configured
from vatt.layers.lean import own_gradients
from vatt.protocols import Tensor


@keras.saving.register_keras_serializable("vatt")
class Dropout(Configured, keras.layers.Layer):
    """Zeroes elements with probability `rate` in training and scales the rest by 1 / (1 − rate).

    Args:
        rate: float in [0, 1).

    Input and output: [B, ...] of any float dtype.
    """

    def __init__(self, rate: float, *, name: str | None = None, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        if not 0 <= rate < 1:
            raise ValueError(f"`rate` must be in [0, 1). Received: rate={rate}.")
        self.rate = rate

    def build(self, input_shape: Any = None) -> None:
        self._salt = draws.salt_of(self)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or not self.rate:
            return inputs
        kept = self.kept(ops.shape(inputs), after=inputs)
        if not own_gradients():
            return dropped(inputs, kept, self.rate)

        # The framework's own gradient keeps the factors, four times the memory of what was drawn.
        @ops.custom_gradient
        def drop(inputs):
            def gradient(*arguments, upstream=None):
                # By position on TensorFlow and JAX, by name on PyTorch.
                return dropped_again(arguments[-1] if upstream is None else upstream, kept, self.rate)

            return dropped(inputs, kept, self.rate), gradient

        return drop(inputs)

    def kept(self, shape: Any, *, after: Tensor, rows: Tensor | None = None) -> Tensor:
        """What is not zeroed, bool of `shape`; `after` and `rows` as in `draws.uniform`."""
        return draws.uniform(shape, salt=self._salt, rows=rows, after=after) >= self.rate


def dropped(x: Tensor, kept: Tensor | None, rate: float) -> Tensor:
    """x / (1 − rate) where it is `kept`, 0 elsewhere; x itself where `kept` is None."""
    return x if kept is None else x * (ops.cast(kept, x.dtype) / (1 - rate))


def dropped_again(x: Tensor, kept: Tensor | None, rate: float) -> Tensor:
    """The same for a gradient, in other operations: equal ones are made once, forward, and then kept."""
    return x if kept is None else ops.where(kept, x, ops.zeros((), x.dtype)) * (1 / (1 - rate))
