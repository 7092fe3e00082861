"""Features of audio over time, for benchmarks of events and frames."""

from typing import Any

import numpy as np

from vatt.embed.media_encoder import MediaEncoder
from vatt.spec import AUDIO, TEXT, VIDEO

_OUTPUT = f"{AUDIO}/pooled"
_ROWS = 16  # windows of a call of the model


class TimedAudio:
    """The audio encoder's pooled features of a clip around each of regular instants.

    Args:
        embedder: what `vatt.load` gives.
        hop_ms: from one instant to the next, in milliseconds.
    """

    def __init__(self, embedder: Any, hop_ms: float):
        if AUDIO not in embedder.modalities:
            raise ValueError(
                f"Benchmarks of audio need a model of audio. Received: {embedder.source}, of "
                f"{[each for each in (VIDEO, TEXT) if each in embedder.modalities]}."
            )
        if not hop_ms > 0:
            raise ValueError(f"A hop must be positive. Received: {hop_ms} ms.")
        self.clip, self.hop_ms = embedder.known_clip, float(hop_ms)
        self._encoder = MediaEncoder(embedder.model, self.clip)
        self.width = self.features(np.zeros((1, 1), np.float32))[0].shape[2]

    def features(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features and their instants.

        Args:
            samples: float32 [B, S] in [-1, 1] at `clip.sample_rate_hz`; silence is before and after.

        Returns:
            float32 [B, T, D], T = ⌈S / hop⌉, and the middles of the clips in milliseconds, float64 [T].
        """
        samples = np.clip(np.asarray(samples, np.float32), -1, 1)
        length = self.clip.samples
        hop = self.hop_ms / 1000 * self.clip.sample_rate_hz
        middles = np.arange(0, samples.shape[1], hop)
        starts = np.round(middles).astype(int)  # in the padded samples
        padded = np.pad(samples, ((0, 0), (length // 2, length)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, length, axis=1)
        made = []
        for row in windows:
            for first in range(0, len(starts), _ROWS):
                rows = np.ascontiguousarray(row[starts[first : first + _ROWS]])
                made.append(self._encoder.encode(AUDIO, rows, {"": _OUTPUT})[""])
        joined = np.concatenate(made).reshape(len(samples), len(starts), -1)
        return joined, middles / self.clip.sample_rate_hz * 1000

    def mean(self, samples: np.ndarray) -> np.ndarray:
        """float32 [B, S] -> the mean over consecutive clips, float32 [B, D]; see `features`."""
        samples = np.clip(np.asarray(samples, np.float32), -1, 1)
        return self._encoder.means(AUDIO, [samples], {"": _OUTPUT})[""].astype(np.float32)
