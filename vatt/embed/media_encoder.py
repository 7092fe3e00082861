"""Media of any length through a model: cut into windows, a few at a time, and the mean of what comes out."""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from vatt.spec import AUDIO, TEXT, VIDEO, ClipSpec

_ROWS = 8  # windows in one call of the model


class MediaEncoder:
    """The inference call of the evaluators, for raw media."""

    def __init__(self, model: Any, clip: ClipSpec):
        self.model = model
        self.clip = clip
        self._encoders: dict[tuple[str, ...], Any] = {}

    def means(
        self, modality: str, pieces: Iterable[np.ndarray], outputs: Mapping[str, str]
    ) -> dict[str, np.ndarray]:
        """The mean over the windows of all pieces.

        Args:
            pieces: raw media one after the other, uint8 [B, T, H, W, 3] or float32 [B, S].
            outputs: name -> the model's output.

        Returns:
            name -> float64 [B, D].
        """
        totals: dict[str, np.ndarray] = {}
        windows = 0
        for piece in pieces:
            sums, count = self._sum_of_windows(modality, piece, outputs)
            windows += count
            for name, values in sums.items():
                totals[name] = totals[name] + values if name in totals else values
        return {name: total / windows for name, total in totals.items()}

    def encode(self, modality: str, rows: np.ndarray, outputs: Mapping[str, str]) -> dict[str, np.ndarray]:
        """Rows of whole clips, video as uint8, or of word ids -> name -> float32 [R, D]."""
        key = modality, *outputs.values()
        if key not in self._encoders:
            self._encoders[key] = self._encoder(modality, list(outputs.values()))
        made = self._encoders[key]({modality: rows})
        return {
            name: np.asarray(ops.convert_to_numpy(made[output]), np.float32)
            for name, output in outputs.items()
        }

    def _sum_of_windows(self, modality, media, outputs):
        from vatt.embed import windows  # imports TensorFlow

        length = self.clip.frames if modality == VIDEO else self.clip.samples
        starts = np.asarray(windows.window_starts(media.shape[1], length))
        places = [(row, start) for row in range(len(media)) for start in starts]
        parts = []
        for first in range(0, len(places), _ROWS):
            cut = [self._window(modality, media[row], start) for row, start in places[first : first + _ROWS]]
            rows = np.stack(cut)
            parts.append(self.encode(modality, self._fit(rows) if modality == VIDEO else rows, outputs))
        sums = {}
        for name in outputs:
            made = np.concatenate([part[name] for part in parts]).astype(np.float64)
            sums[name] = made.reshape(len(media), len(starts), -1).sum(axis=1)
        return sums, len(starts)

    def _window(self, modality, media, start) -> np.ndarray:
        """One window of one row, [T, H', W', 3] or [S]."""
        if modality == VIDEO:
            return media[np.minimum(start + np.arange(self.clip.frames), len(media) - 1)]
        seen = media[start : start + self.clip.samples]
        return np.pad(seen, (0, self.clip.samples - len(seen)))

    def _fit(self, frames) -> np.ndarray:
        if frames.shape[2:4] == (self.clip.frame_size,) * 2:
            return frames
        return self._compiled_fit(frames).numpy()

    @functools.cached_property
    def _compiled_fit(self):
        import tensorflow as tf

        from vatt.embed import windows

        kind = tf.TensorSpec([None, self.clip.frames, None, None, 3], tf.uint8)
        fit = functools.partial(windows.fit_frames, clip=self.clip)
        return tf.function(fit, input_signature=[kind], autograph=False)

    def _encoder(self, modality, outputs):
        import tensorflow as tf

        from vatt.evals.encoder import encoder

        encode = encoder(self.model, outputs)
        if keras.config.backend() != "tensorflow":
            return encode
        clip = self.clip
        shapes = {
            VIDEO: ([clip.frames, clip.frame_size, clip.frame_size, 3], tf.uint8),
            AUDIO: ([clip.samples], tf.float32),
            TEXT: ([clip.words], tf.int32),
        }
        shape, dtype = shapes[modality]
        # One graph for any number of rows.
        kind = {modality: tf.TensorSpec([None, *shape], dtype)}
        return tf.function(encode, input_signature=[kind], autograph=False)
