"""What a video looks like, in few numbers: small grey frames to recognise copies by, and where shots change.

A cut is where two frames differ much more than frames around them do (the adaptive rule of PySceneDetect, on
frames that are decoded anyway).
"""

import numpy as np

SIDE = 16  # pixels of a small frame
RATE_HZ = 2.5  # of the small frames that are kept
_LEAST_CHANGE = 12.0  # mean difference of grey values at a cut, of 255
_TIMES_USUAL = 3.0  # how much larger it is than that of frames around
_AROUND = 4  # frames on either side


def small_frames(frames: np.ndarray) -> np.ndarray:
    """uint8 [T, H, W, 3] -> grey and small, uint8 [T, SIDE, SIDE]; each value is the mean of its area."""
    grey = frames.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    for axis in (1, 2):
        size = grey.shape[axis]
        edges = np.linspace(0, size, SIDE + 1)
        starts = np.minimum(edges[:-1].astype(int), size - 1)
        counts = np.maximum(np.diff(np.append(starts, size)), 1)
        shape = [1] * 3
        shape[axis] = SIDE
        grey = np.add.reduceat(grey, starts, axis=axis) / counts.reshape(shape)
    return np.rint(grey).astype(np.uint8)


def kept_step(frame_rate_hz: float) -> int:
    """Every how many frames of a clip one is kept."""
    return max(1, round(frame_rate_hz / RATE_HZ))


def cuts(frames: np.ndarray, seconds: np.ndarray, longest_gap_seconds: float) -> np.ndarray:
    """Where shots change.

    Args:
        frames: uint8 [T, SIDE, SIDE], in order of time.
        seconds: float64 [T], their times.
        longest_gap_seconds: frames further apart than this do not follow each other.

    Returns:
        float64 [C], the times of the first frames of new shots.
    """
    if len(frames) < 2:
        return np.zeros(0)
    flat = frames.reshape(len(frames), -1).astype(np.int16)
    change = np.abs(np.diff(flat, axis=0)).mean(axis=1)
    change[np.diff(seconds) > longest_gap_seconds] = 0.0
    padded = np.pad(change, _AROUND)
    sums = np.convolve(padded, np.ones(2 * _AROUND + 1), "valid") - change
    usual = sums / (2 * _AROUND)
    is_cut = (change >= _LEAST_CHANGE) & (change >= _TIMES_USUAL * usual)
    return seconds[1:][is_cut]
