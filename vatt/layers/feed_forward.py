"""The position-wise network of a Transformer block, plain or gated."""

from typing import Any

import keras
from keras import ops

from vatt.layers.configured import Configured
from vatt.layers.dense import Dense
from vatt.layers.dropout import Dropout
from vatt.layers.lean import gelu
from vatt.protocols import Tensor


def _gelu_tanh(x):
    return ops.gelu(x, approximate=True)


# name -> (function, gated). A gated network multiplies the activation with a second linear map (Shazeer
# 2020).
ACTIVATIONS = {
    "gelu": (gelu, False),
    "relu": (ops.relu, False),
    "gated_gelu": (_gelu_tanh, True),
}


@keras.saving.register_keras_serializable("vatt")
class FeedForward(Configured, keras.layers.Layer):
    """expand → activation → dropout → contract.

    Args:
        width: features of a token, D, in and out.
        hidden_width: features in between.
        activation: "gelu" (exact, x·Φ(x); the paper), "relu" (T5 v1.0) or "gated_gelu" (tanh form; T5 v1.1).
        use_bias: whether the maps have biases (T5 has none).
        dropout_rate: dropout on the hidden features.

    Input and output: [B, N, D].
    """

    def __init__(
        self,
        *,
        width: int,
        hidden_width: int,
        activation: str = "gelu",
        use_bias: bool = True,
        dropout_rate: float = 0.0,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if activation not in ACTIVATIONS:
            raise ValueError(f"`activation` must be one of {tuple(ACTIVATIONS)}. Received: {activation!r}.")
        self.width = width
        self.hidden_width = hidden_width
        self.activation = activation
        self.use_bias = use_bias
        self.dropout_rate = dropout_rate
        self._function, gated = ACTIVATIONS[activation]
        self.expand = Dense(hidden_width, use_bias=use_bias, name="expand", dtype=dtype)
        self.gate = Dense(hidden_width, use_bias=use_bias, name="gate", dtype=dtype) if gated else None
        self.contract = Dense(width, use_bias=use_bias, name="contract", dtype=dtype)
        self.dropout = Dropout(dropout_rate, name="dropout", dtype=dtype)

    def build(self, input_shape: Any = None) -> None:
        self.expand.build((None, None, self.width))
        if self.gate is not None:
            self.gate.build((None, None, self.width))
        self.contract.build((None, None, self.hidden_width))
        self.dropout.build()

    def call(self, tokens: Tensor, training: bool = False) -> Tensor:
        if self.gate is None:
            hidden = self._function(self.expand(tokens))
        else:
            hidden = self._function(self.gate(tokens)) * self.expand(tokens)
        return self.contract(self.dropout(hidden, training=training))
