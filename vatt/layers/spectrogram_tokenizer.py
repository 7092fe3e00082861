"""The tokenizer of log-mel spectrograms: patches over (time, frequency) (Table 10)."""

from collections.abc import Sequence
from typing import Any

import gin
import keras

from vatt.layers.drop_token import DropToken
from vatt.layers.log_mel import LogMel
from vatt.layers.positions import FactorisedPositions
from vatt.layers.signal_tokenizer import SignalTokenizer


@gin.register
@keras.saving.register_keras_serializable("vatt")
class SpectrogramTokenizer(SignalTokenizer):
    """Spectrogram patches as a sequence; arguments as `SignalTokenizer`.

    Args:
        log_mel: `LogMel` that makes the spectrogram of a waveform, whose samples `sizes` then counts, (S,);
            None takes spectrograms that were made elsewhere, of `sizes` (time, frequency).
        options: see `SignalTokenizer`. The paper's patches are 16 × 5, of 150 steps of 21.34 ms and 80 bins.

    Input: float [B, S] or [B, S, 1] in [-1, 1], or [B, T, F] or [B, T, F, 1]. Output: tokens [B, 1 + N, D].
    """

    axes = ("time", "frequency")
    channels = 1
    paper_sizes = (150, 80)
    paper_patch = (16, 5)

    def __init__(
        self,
        *,
        log_mel: LogMel | None = None,
        sizes: Sequence[int] | None = None,
        patch: Sequence[int] | int | None = None,
        edge: str = "pad",
        projection: bool = False,
        positions: FactorisedPositions | None = None,
        dropout_rate: float = 0.1,
        drop_token: DropToken | None = None,
        name: str = "tokenizer",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            sizes=sizes or (None if log_mel is None else (153_600,)),
            patch=patch,
            edge=edge,
            projection=projection,
            positions=positions,
            dropout_rate=dropout_rate,
            drop_token=drop_token,
            name=name,
            dtype=dtype,
        )
        self.log_mel = log_mel

    def patched_sizes(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """(steps, bins) of a signal of these sizes."""
        return tuple(sizes) if self.log_mel is None else self.log_mel.sizes(sizes[0])

    def prepare(self, signal: Any) -> Any:
        """The spectrogram [B, T, F, 1]."""
        if self.log_mel is not None:
            return self.log_mel(signal)[..., None]
        return super().prepare(signal)
