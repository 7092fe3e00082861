"""Media of any length through a model: cut into windows, a few at a time, and the mean of what comes out."""

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
            made, starts = self._of_windows(modality, piece, outputs)
            windows += len(starts)
            for name, values in made.items():
                values = values.sum(axis=1, dtype=np.float64)
                totals[name] = totals[name] + values if name in totals else values
        return {name: total / windows for name, total in totals.items()}

    def windows(
        self, modality: str, pieces: Iterable[np.ndarray], outputs: Mapping[str, str]
    ) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Each window of all pieces.

        Args:
            pieces, outputs: see `means`.

        Returns:
            name -> float32 [B, N, D] of N windows; and where each begins and ends, in frames or samples from
            the first piece on, int64 [N].
        """
        vectors, starts, ends, before = [], [], [], 0
        for piece in pieces:
            made, first = self._of_windows(modality, piece, outputs)
            vectors.append(made)
            starts.append(before + first)
            ends.append(before + np.minimum(first + self._length(modality), piece.shape[1]))
            before += piece.shape[1]
        joined = {name: np.concatenate([made[name] for made in vectors], axis=1) for name in outputs}
        return joined, np.concatenate(starts), np.concatenate(ends)

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

    def _of_windows(self, modality, media, outputs) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """name -> float32 [B, n, D] of media of B rows, and where the n windows begin, int64 [n]."""
        length, available = self._length(modality), media.shape[1]
        starts = np.minimum(np.arange(0, available, length), max(available - length, 0))
        places = [(row, start) for row in range(len(media)) for start in starts]
        parts = []
        for first in range(0, len(places), _ROWS):
            cut = [self._window(modality, media[row], start) for row, start in places[first : first + _ROWS]]
            rows = np.stack(cut)
            if modality == VIDEO:
                rows = middle_square(rows, self.clip.frame_size)
            parts.append(self.encode(modality, rows, outputs))
        made = {name: np.concatenate([part[name] for part in parts]) for name in outputs}
        return {name: rows.reshape(len(media), len(starts), -1) for name, rows in made.items()}, starts

    def _length(self, modality) -> int:
        """Frames or samples of a window."""
        return self.clip.frames if modality == VIDEO else self.clip.samples

    def _window(self, modality, media, start) -> np.ndarray:
        """One window of one row, [T, H', W', 3] or [S]."""
        if modality == VIDEO:
            return media[np.minimum(start + np.arange(self.clip.frames), len(media) - 1)]
        seen = media[start : start + self.clip.samples]
        return np.pad(seen, (0, self.clip.samples - len(seen)))

    def _encoder(self, modality, outputs):
        from vatt.evals.encoder import compiled_encoder, encoder

        if keras.config.backend() != "tensorflow":
            return compiled_encoder(self.model, outputs)
        import tensorflow as tf

        clip = self.clip
        shapes = {
            VIDEO: ([clip.frames, clip.frame_size, clip.frame_size, 3], tf.uint8),
            AUDIO: ([clip.samples], tf.float32),
            TEXT: ([clip.words], tf.int32),
        }
        shape, dtype = shapes[modality]
        # One graph for any number of rows.
        kind = {modality: tf.TensorSpec([None, *shape], dtype)}
        return tf.function(encoder(self.model, outputs), input_signature=[kind], autograph=False)


def middle_square(frames: np.ndarray, size: int) -> np.ndarray:
    """uint8 [..., H, W, 3] -> the middle square of frames, uint8 [..., size, size, 3]: `windows.fit_frames`,
    of the same values.
    """
    height, width = frames.shape[-3:-1]
    if (height, width) == (size, size):
        return frames
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return resized(frames[..., top : top + side, left : left + side, :], size)


def resized(frames: np.ndarray, size: int) -> np.ndarray:
    """`vatt.data.video.resize` by NumPy, to the bit: uint8 [..., h, h, 3] -> uint8 [..., size, size, 3]."""
    length = frames.shape[-2]
    places = (np.arange(size, dtype=np.float32) + 0.5) * np.float32(length / size) - np.float32(0.5)
    lower = np.floor(places)
    near, far = np.maximum(lower, 0).astype(int), np.minimum(np.ceil(places), length - 1).astype(int)
    down = (places - lower)[:, np.newaxis]
    across = np.repeat(places - lower, 3)
    left, right = ((3 * each[:, np.newaxis] + np.arange(3)).ravel() for each in (near, far))
    made = np.empty((*frames.shape[:-3], size, size, 3), np.uint8)
    # Frame by frame, which stays in the processor's cache.
    for frame, place in zip(frames.reshape(-1, length, length * 3), made.reshape(-1, size, size * 3)):
        values = frame.astype(np.float32)
        columns = _between(values.take(left, axis=1), values.take(right, axis=1), across)
        place[:] = _between(columns.take(near, axis=0), columns.take(far, axis=0), down) + np.float32(0.5)
    return made


def _between(first, second, part) -> np.ndarray:
    """first + (second - first) · part, in the memory of `second`."""
    second -= first
    second *= part
    second += first
    return second
