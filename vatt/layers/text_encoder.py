"""The text encoder: T5's Transformer, in the form that the original release gave it (paper 3.2, A.2.2)."""

from typing import Any

import gin
import keras

from vatt.layers.architecture import Form, Size
from vatt.layers.relative_bias import RelativeBias
from vatt.layers.transformer_encoder import TransformerEncoder

# T5 with a full LayerNorm and exact gelu in the feed-forward network.
RELEASED_FORM = Form(attention_norm="rms", feed_forward_norm="layer", use_bias=False, scale_scores=False)


@gin.register
@keras.saving.register_keras_serializable("vatt")
class TextEncoder(TransformerEncoder):
    """A `TransformerEncoder` compatible with T5: RMS norms, relative position biases, unscaled scores.

    Args:
        size: "small", "base", "medium", "large" or a `Size`.
        form: `Form`; None: the release's. T5's own have activation "relu" (v1.0) or "gated_gelu" (v1.1).
        relative_bias: `RelativeBias`; None: the release's, 32 buckets up to a distance of 64.
        dropout_rate, drop_probabilities: see `TransformerEncoder`.

    Inputs and outputs: as `TransformerEncoder`.
    """

    def __init__(
        self,
        *,
        size: str | Size | dict = "small",
        form: Form | None = None,
        relative_bias: RelativeBias | None = None,
        dropout_rate: float = 0.1,
        drop_probabilities: bool = True,
        name: str = "encoder",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            size=size,
            form=form or RELEASED_FORM,
            relative_bias=relative_bias or RelativeBias(dtype=dtype),
            dropout_rate=dropout_rate,
            drop_probabilities=drop_probabilities,
            name=name,
            dtype=dtype,
        )
