"""A tower without tokens: a ConvNet or another network that reads a modality's raw input itself."""

from collections.abc import Sequence
from typing import Any

import gin
import keras
from keras import ops

from vatt.layers.configured import Configured
from vatt.layers.log_mel import LogMel


@gin.register
@keras.saving.register_keras_serializable("vatt")
class ConvTower(Configured, keras.layers.Layer):
    """An encoder that takes the clip itself; it takes the place of a `Tower` in any model.

    It has no tokens, positions, AGG or DropToken: a clip of any size is read, pooled over its positions. The
    batch normalisation of a ConvNet makes of a row something that depends on the others of its batch; see
    `mixes_rows`.

    Args:
        encoder: `I3D`, `ResNet` or `LinearText`.
        log_mel: `LogMel` that makes the spectrogram of a waveform in front of the encoder, or None.

    Input: video float [B, T, H, W, 3]; audio float [B, S] or [B, S, 1] with `log_mel`, or a spectrogram made
    elsewhere, [B, time, frequency, 1] or, without `log_mel`, [B, time, frequency]; text int32 [B, L]. `rows`
    number [B]: 0 for rows that do not exist, which batch normalisation leaves out. Output: (pooled [B, D],
    features [B, N, D] of N positions).
    """

    def __init__(
        self, *, encoder: Any, log_mel: LogMel | None = None, name: str = "tower", dtype: Any = None
    ) -> None:
        # A waveform in bfloat16 would spoil a spectrogram; the encoder's signal is cast in `call`.
        super().__init__(name=name, dtype=dtype, autocast=False)
        self.encoder = encoder
        self.log_mel = log_mel

    def build(self, input_shape: Any = None) -> None:
        if not self.encoder.built:
            self.encoder.build()

    @property
    def width(self) -> int:
        """Features of the outputs, D."""
        return self.encoder.width

    @property
    def parts(self) -> dict[str, keras.layers.Layer]:
        """The layers that have weights, by name."""
        return {"encoder": self.encoder}

    @property
    def mixes_rows(self) -> bool:
        """Whether, in training, what becomes of a row depends on the others of its batch."""
        return self.encoder.mixes_rows

    @property
    def image_frames(self) -> int:
        """Not known: a ConvNet has no patch in time that an image could be repeated over."""
        raise ValueError(
            "An image is repeated over the frames of a patch (A.3.1), which a ConvTower has not. Received: "
            "modality='image'. Set `modality = 'video'`, for clips of more than one frame, or take a `Tower`."
        )

    @property
    def drop_rate(self) -> float | None:
        """None: there are no tokens to drop."""
        return None

    @property
    def patches_read(self) -> None:
        """None: a signal is read whole."""
        return None

    @property
    def vocabulary_size(self) -> int:
        """Rows of the word table, of a tower of text."""
        return self.encoder.vocabulary_size

    def grid_of(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Positions along each axis of the features of a signal of these sizes."""
        return self.encoder.grid_of(self.read_sizes(sizes))

    def read_sizes(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Size along each axis of what the encoder reads of a signal of these sizes."""
        return tuple(sizes) if self.log_mel is None else self.log_mel.sizes(sizes[0])

    def call(self, inputs: Any, rows: Any = None, training: bool = False) -> tuple[Any, Any]:
        pooled, features = self.encoder(self.prepare(inputs), rows=rows, training=training)
        return pooled, ops.reshape(features, (ops.shape(pooled)[0], -1, self.width))

    def prepare(self, inputs: Any) -> Any:
        """What the encoder reads."""
        axes = len(self.encoder.axes)
        if self.log_mel is not None and len(inputs.shape) <= axes + 1:
            inputs = self.log_mel(inputs)[..., None]
        if not hasattr(self.encoder, "channels"):
            return inputs  # word ids
        if len(inputs.shape) == axes + 1:
            inputs = inputs[..., None]
        return ops.cast(inputs, self.compute_dtype)
