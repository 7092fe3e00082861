"""Energy of a clip: motion in each voxel patch, loudness in each audio patch."""

import numpy as np


def movement(video: np.ndarray, grid: tuple[int, int, int]) -> np.ndarray:
    """Mean absolute difference of each frame to the one before, by token.

    Args:
        video: uint8 [T, H, W, 3].
        grid: tokens along time, rows and columns; the video is cut into as many equal parts.

    Returns:
        float64 [t, h, w] in grey levels.
    """
    frames = video.astype(np.float64).mean(axis=-1)
    change = np.abs(np.diff(frames, axis=0, prepend=frames[:1]))
    change[0] = change[1] if len(change) > 1 else 0.0  # nothing stands before the first frame
    for axis, count in enumerate(grid):
        change = _mean_of_parts(change, count, axis)
    return change


def loudness(audio: np.ndarray, parts: int) -> np.ndarray:
    """Root mean square of equal parts of a waveform float [S], float64 [parts]."""
    return np.sqrt(_mean_of_parts(np.square(audio.astype(np.float64)), parts, 0))


def outline(audio: np.ndarray, parts: int) -> np.ndarray:
    """Largest absolute value of equal parts of a waveform float [S], float64 [parts]."""
    return np.maximum.reduceat(np.abs(audio.astype(np.float64)), _starts(len(audio), parts))


def _mean_of_parts(values: np.ndarray, count: int, axis: int) -> np.ndarray:
    starts = _starts(values.shape[axis], count)
    sizes = np.diff(np.append(starts, values.shape[axis]))
    shape = [-1 if each == axis else 1 for each in range(values.ndim)]
    return np.add.reduceat(values, starts, axis=axis) / sizes.reshape(shape)


def _starts(size: int, count: int) -> np.ndarray:
    if not 1 <= count <= size:
        raise ValueError(f"A signal is cut into 1 to {size} parts. Received: {count}.")
    return np.arange(count) * size // count
