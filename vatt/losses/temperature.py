"""A temperature that is trained, and stays above a bound."""

import math

import keras
from keras import ops

from vatt.protocols import Tensor


class LearnedTemperature:
    """τ = lowest + exp(p), p trained: never at the bound, where a cut-off parameter would stay.

    Args:
        start: τ at first.
        lowest: the bound, in (0, start).
        name: of the variable.

    Call: τ, a float32 scalar.
    """

    def __init__(self, start: float, lowest: float, *, name: str):
        check_temperature(start)
        if not 0 < lowest < start:
            raise ValueError(
                "`lowest_temperature` must be above 0 and below `temperature`, where τ starts. Received: "
                f"lowest_temperature={lowest}, temperature={start}."
            )
        self.lowest = lowest
        initializer = keras.initializers.Constant(math.log(start - lowest))
        self.variable = keras.Variable(initializer, shape=(), name=name)

    def __call__(self) -> Tensor:
        return self.lowest + ops.exp(ops.convert_to_tensor(self.variable))


def check_temperature(temperature: float) -> None:
    """Raises unless it is positive."""
    if not temperature > 0:
        raise ValueError(f"`temperature` must be positive. Received: temperature={temperature}.")
