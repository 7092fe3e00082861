"""Finds where an excerpt comes from, by small grey frames: copies that were scaled, cropped or encoded again.

Frames vote for offsets of the excerpt in files. Each offset that has votes is then looked at frame by frame,
with the reference frames cropped as the excerpt may have been. An offset counts if its frames agree, and less
so a second away: frames of one colour, titles and other still frames have no place in time.
"""

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np

from vatt.embed.looks import SIDE

RATE_HZ = 10.0  # of the frames of an excerpt
_GRID = 8  # values of a frame's descriptor, in each direction
_FLAT = 6.0  # standard deviation of grey values below which a frame shows nothing
_ZOOMS = (1.0, 0.95, 0.9, 0.85)  # shares of a frame's side that an excerpt may have kept
_VOTES, _LEAST_VOTE = 40, 0.8  # reference frames that a frame votes for, and how like it they are
_BIN_SECONDS, _CANDIDATES = 0.2, 30
_LEAST_FRAMES = 4  # of the reference that an excerpt is compared with
_LEAST_OVERLAP = 0.75  # of the shorter of excerpt and file
LEAST_SCORE = 0.93  # mean correlation of the frames of a copy
_LEAST_DROP = 0.03  # by which it must be lower a second away
_AWAY_SECONDS = (-2.0, -1.0, 1.0, 2.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Frames:
    """Small frames of files, in order of file and time."""

    frames: np.ndarray  # uint8 [M, SIDE, SIDE]
    seconds: np.ndarray  # float64 [M]
    numbers: np.ndarray  # int [M], of the file

    @functools.cached_property
    def bounds(self) -> np.ndarray:
        """Where each file begins, int [files + 1]."""
        return np.searchsorted(self.numbers, np.arange(self.numbers.max(initial=-1) + 2))

    @functools.cached_property
    def described(self) -> np.ndarray:
        """float32 [M, D], uncropped; see `_describe`."""
        return _describe(self.frames, _operators()[0])

    @functools.cached_property
    def described_smaller(self) -> np.ndarray:
        """The same of the middle nine tenths."""
        return _describe(self.frames, _operator(0.9, 0.5, 0.5))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Copy:
    """A place that an excerpt is a copy of."""

    number: int  # of the file
    start_seconds: float  # of the excerpt's first frame in the file
    score: float  # mean correlation of frames, at most 1


def find_copies(excerpt: Frames, reference: Frames, *, skip: int | None = None) -> list[Copy]:
    """Where an excerpt comes from, the best first, of each file once.

    Args:
        excerpt: of one file, at `RATE_HZ`.
        skip: a file of the reference that is not looked at.
    """
    described = excerpt.described
    seen = np.flatnonzero(described.any(axis=1))
    if len(seen) < len(excerpt.frames) / 2 or not len(reference.frames):
        return []
    best: dict[int, Copy] = {}
    for number, offset in _voted(described[seen], excerpt.seconds[seen], reference, skip):
        copy = _looked_at(excerpt, reference, number, offset)
        if copy is not None and (number not in best or copy.score > best[number].score):
            best[number] = copy
    return sorted(best.values(), key=lambda copy: (-copy.score, copy.number))


def _voted(
    described: np.ndarray, seconds: np.ndarray, reference: Frames, skip: int | None
) -> Iterator[tuple[int, float]]:
    """(file, offset) of the places with the most votes."""
    likeness = np.maximum(described @ reference.described.T, described @ reference.described_smaller.T)
    if skip is not None:
        likeness[:, reference.numbers == skip] = -1.0
    count = min(_VOTES, likeness.shape[1])
    rows = np.argpartition(-likeness, count - 1, axis=1)[:, :count]
    values = np.take_along_axis(likeness, rows, axis=1)
    is_vote = values >= _LEAST_VOTE
    offsets = (reference.seconds[rows] - seconds[:, None])[is_vote]
    numbers, weights = reference.numbers[rows][is_vote], values[is_vote]
    if not len(offsets):
        return
    places = np.stack([numbers, np.floor(offsets / _BIN_SECONDS).astype(np.int64)], axis=1)
    unique, inverse = np.unique(places, axis=0, return_inverse=True)
    votes = np.bincount(inverse.ravel(), weights=weights)
    for place in np.argsort(-votes, kind="stable")[:_CANDIDATES]:
        number, bin_number = unique[place]
        yield int(number), float((bin_number + 0.5) * _BIN_SECONDS)


def _looked_at(excerpt: Frames, reference: Frames, number: int, offset: float) -> Copy | None:
    first, end = reference.bounds[number : number + 2]
    frames, seconds = reference.frames[first:end], reference.seconds[first:end]
    overlap = min(offset + excerpt.seconds[-1], seconds[-1]) - max(offset + excerpt.seconds[0], seconds[0])
    if overlap < _LEAST_OVERLAP * min(np.ptp(excerpt.seconds), np.ptp(seconds)):
        return None  # so few frames agree by chance
    # The crop that fits best at about this place, then the best time for it.
    scores = [_score(excerpt, frames, seconds, offset, operator) for operator in _operators()]
    operator = _operators()[int(np.argmax(scores))]
    steps = np.round(np.arange(-3, 4) / RATE_HZ, 3)
    times = offset + steps
    around = [_score(excerpt, frames, seconds, time, operator) for time in times]
    place = int(np.argmax(around))
    score, time = around[place], times[place]
    if not score >= LEAST_SCORE:
        return None
    away = max(_score(excerpt, frames, seconds, time + each, operator) for each in _AWAY_SECONDS)
    if away > score - _LEAST_DROP:
        return None
    return Copy(number=number, start_seconds=float(time + excerpt.seconds[0]), score=float(score))


def _score(
    excerpt: Frames, frames: np.ndarray, seconds: np.ndarray, offset: float, operator: np.ndarray
) -> float:
    """Mean correlation of the frames of an excerpt at an offset in a file; -1 where too few overlap."""
    first, end = np.searchsorted(seconds, [excerpt.seconds[0] + offset, excerpt.seconds[-1] + offset + 1e-6])
    if end - first < _LEAST_FRAMES:
        return -1.0
    nearest = np.abs(excerpt.seconds[:, None] + offset - seconds[first:end]).argmin(axis=0)
    described = excerpt.described[nearest]
    like = (described * _describe(frames[first:end], operator)).sum(axis=1)
    used = described.any(axis=1)
    return float(like[used].mean()) if used.sum() >= _LEAST_FRAMES / 2 else -1.0


def _describe(frames: np.ndarray, operator: np.ndarray) -> np.ndarray:
    """float32 [n, D] of length 1, without their mean; zeros for flat frames."""
    flat = frames.reshape(len(frames), -1).astype(np.float32) @ operator.T
    flat -= flat.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.where(norms >= _FLAT * _GRID, flat / np.maximum(norms, 1e-9), 0.0).astype(np.float32)


@functools.cache
def _operators() -> list[np.ndarray]:
    """Maps from a small frame to its descriptor, of every crop; the first keeps all of it."""
    crops = [(1.0, 0.5, 0.5)]
    crops += [(zoom, x, y) for zoom in _ZOOMS[1:] for x in (0.0, 0.5, 1.0) for y in (0.0, 0.5, 1.0)]
    return [_operator(*crop) for crop in crops]


def _operator(zoom: float, x: float, y: float) -> np.ndarray:
    """float32 [D, SIDE²]: means over a grid on a part of the frame, whose place is from 0 to 1."""
    return np.kron(_areas(zoom, y), _areas(zoom, x)).astype(np.float32)


def _areas(zoom: float, place: float) -> np.ndarray:
    """[_GRID, SIDE]: how much of each value is in each part of an axis."""
    length = zoom * SIDE
    edges = place * (SIDE - length) + np.linspace(0, length, _GRID + 1)
    lows, highs = edges[:-1, None], edges[1:, None]
    shared = np.minimum(highs, np.arange(1, SIDE + 1)) - np.maximum(lows, np.arange(SIDE))
    return np.maximum(shared, 0) / (highs - lows)
