"""The AGG token: a learned vector in front of the sequence, whose output stands for the whole input (paper
Eq. 2).
"""

from typing import Any

import keras
from keras import ops

from vatt.layers.configured import Configured
from vatt.protocols import Tensor


@keras.saving.register_keras_serializable("vatt")
class AggregateToken(Configured, keras.layers.Layer):
    """Puts one learned vector in front of every sequence.

    Args:
        width: features of a token, D.

    Input: [B, N, D]. Output: [B, 1 + N, D].
    """

    def __init__(self, *, width: int, name: str | None = None, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.width = width

    def build(self, input_shape: Any = None) -> None:
        initializer = keras.initializers.RandomNormal(stddev=self.width**-0.5)
        self.vector = self.add_weight(name="vector", shape=(self.width,), initializer=initializer)

    def call(self, tokens: Tensor) -> Tensor:
        vector = ops.cast(self.vector, tokens.dtype)
        front = ops.broadcast_to(vector, (ops.shape(tokens)[0], 1, self.width))
        return ops.concatenate([front, tokens], axis=1)
