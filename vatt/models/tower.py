"""A tower: a tokenizer and an encoder, from one modality's raw input to features (paper Figure 1)."""

from collections.abc import Sequence
from typing import Any

import gin
import keras
from keras import ops

from vatt.layers.configured import Configured
from vatt.layers.feed_forward import ACTIVATIONS
from vatt.protocols import Tensor
from vatt.spec import PatchesRead


@gin.register
@keras.saving.register_keras_serializable("vatt")
class Tower(Configured, keras.layers.Layer):
    """Tokenize → encode → (project), then split off AGG.

    Args:
        tokenizer: `VoxelTokenizer`, `WaveformTokenizer`, `SpectrogramTokenizer` or `WordTokenizer`.
        encoder: `TransformerEncoder` or `TextEncoder`; several towers may hold the same one
            (modality-agnostic, paper 3).
        projection_width: features of a gelu projection of every output token (modality-agnostic release), 0
            for none.

    Input: what the tokenizer takes, with `kept` where the host chose the patches; `rows` is for towers whose
    rows depend on each other (`ConvTower`).
    Output: (pooled [B, D], tokens [B, N, D]); `pooled` is AGG's output or, where the tokenizer has no AGG
    (T5), the mean over the words that are no padding.
    """

    def __init__(
        self,
        *,
        tokenizer: Any,
        encoder: Any,
        projection_width: int = 0,
        name: str = "tower",
        dtype: Any = None,
    ):
        # The tokenizer casts what it is given: a waveform in bfloat16 would spoil a spectrogram.
        super().__init__(name=name, dtype=dtype, autocast=False)
        self.tokenizer = tokenizer
        self.encoder = encoder
        self.projection_width = projection_width

    mixes_rows = False  # layer normalisation knows its own row alone

    @property
    def parts(self) -> dict[str, keras.layers.Layer]:
        """The layers that have weights, by name."""
        parts = {"tokenizer": self.tokenizer, "encoder": self.encoder, "projection": self.projection}
        return {name: part for name, part in parts.items() if part is not None}

    @property
    def image_frames(self) -> int:
        """How often an image is repeated to be a video: as many frames as a patch has (A.3.1)."""
        return self.tokenizer.patch[0]

    @property
    def drop_rate(self) -> float | None:
        """Share of the tokens that training drops; None where none ever is, as of words."""
        return self.tokenizer.drop_rate

    @property
    def patches_read(self) -> PatchesRead | None:
        """See `SignalTokenizer`."""
        return self.tokenizer.patches_read

    @property
    def vocabulary_size(self) -> int:
        """Rows of the word table, of a tower of text."""
        return self.tokenizer.vocabulary_size

    def grid_of(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Tokens along each axis of a signal of these sizes, whatever it has positions for."""
        return self.tokenizer.grid_of(sizes)

    @property
    def width(self) -> int:
        """Features of the outputs, D."""
        return self.projection_width or self.encoder.size.width

    def build(self, input_shape: Any = None) -> None:
        self.tokenizer.build(self.encoder.size.width)
        if not self.encoder.built:
            self.encoder.build()
        self.projection = None
        if self.projection_width:
            self.projection = keras.layers.Dense(
                self.projection_width, name="projection", dtype=self.dtype_policy
            )
            self.projection.build((None, None, self.encoder.size.width))

    def call(
        self,
        inputs: Tensor,
        rows: Tensor | None = None,
        training: bool = False,
        kept: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        chosen = {} if kept is None else {"kept": kept}
        tokens, words = self.tokenizer(inputs, training=training, **chosen)
        if self.tokenizer.aggregates:
            pooled, rest = self.encoder.aggregated(tokens, words=words, training=training)
            return self._projected(pooled), self._projected(rest)
        encoded = self._projected(self.encoder(tokens, words=words, training=training))
        weights = ops.cast(words, encoded.dtype)[:, :, None]
        pooled = ops.sum(encoded * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1)
        return pooled, encoded

    def _projected(self, encoded):
        return encoded if self.projection is None else ACTIVATIONS["gelu"][0](self.projection(encoded))
