"""One media file -> the windows that a model takes: clips of its size, one after the other, with their times.

A file is read in one pass and a window is returned as soon as it is complete, so that only a few seconds of a
ten-hour video are in memory. Frames are centre-cropped to a square, as in evaluation.
"""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from vatt import spec
from vatt.prepare import pool
from vatt.prepare.media import Media, MediaError, MediaOptions, read_segments

_ROUNDING = 1e-4  # of a frame: 3.2 s of a stored rate may come out as a hair more than the frames
MODALITIES = (spec.VIDEO, spec.AUDIO)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Window:
    """A stretch of a file, as a model takes it."""

    start_seconds: float  # its place in the file; a file shorter than a clip ends before it
    end_seconds: float
    video: np.ndarray | None  # uint8 [T, H, W, 3]; None without video
    audio: np.ndarray | None  # int16 [S]; None without audio, or where all of it is digital silence


@dataclasses.dataclass(frozen=True, kw_only=True)
class End:
    """What comes after a file's last window: what was lost on the way, in words."""

    warnings: tuple[str, ...]


def windows_of(
    path: str | Path,
    clip: spec.ClipSpec,
    *,
    stride_seconds: float | None = None,
    modalities: Sequence[str] = MODALITIES,
    start_seconds: float = 0.0,
    end_seconds: float | None = None,
) -> Iterator[Window | End]:
    """The windows of a file, then an `End`.

    Windows begin every `stride_seconds`. A rest of half a stride or more gets a window of its own, which ends
    where the file ends. A file of up to one and a half clips has one window, in its middle, as clips have in
    evaluation; a file shorter than a clip is padded with its last frame and with silence.

    Args:
        stride_seconds: from one window to the next; None: the length of a window.
        modalities: of "video" and "audio", those wanted.
        start_seconds, end_seconds: the part to read, in seconds from the file's start; None: to the end.

    Raises:
        MediaError: the file is no media, or has nothing of what is wanted.
    """
    if stride_seconds is not None and not stride_seconds > 0:
        raise ValueError(f"`stride_seconds` must be positive. Received: {stride_seconds}.")
    wanted = tuple(each for each in MODALITIES if each in modalities and each in clip.modalities)
    if not wanted:
        raise ValueError(
            f"At least one of the modalities asked for must be the model's. Received: "
            f"{', '.join(modalities)}; the model takes {', '.join(clip.modalities)}."
        )
    clip = dataclasses.replace(clip, modalities=wanted)
    pieces = read_segments(
        path,
        MediaOptions(
            max_frame_rate_hz=clip.frame_rate_hz,
            short_side_pixels=clip.frame_size,
            audio_rate_hz=clip.sample_rate_hz,
        ),
        keep=lambda frame: middle_square(frame, clip.frame_size),
        start_seconds=start_seconds,
        end_seconds=end_seconds,
        segment_seconds=clip.span_seconds,
        modalities=wanted,
    )
    warnings: dict[str, None] = {}  # each once, in order
    made, silent = 0, False
    for window in _windows(pieces, clip, stride_seconds or clip.span_seconds, warnings):
        silent |= window.audio is None
        if window.video is not None or window.audio is not None:
            made += 1
            yield window
    if not made:
        missing = f"has no {' and no '.join(wanted)}"
        raise MediaError(path, "holds nothing but digital silence" if silent else missing)
    yield End(warnings=tuple(warnings))


def _windows(
    pieces: Iterable[Media], clip: spec.ClipSpec, stride_seconds: float, warnings: dict[str, None]
) -> Iterator[Window]:
    """The windows of pieces of a file, whose warnings are noted."""
    run = None
    for piece in pieces:
        pool.heartbeat()
        warnings.update(dict.fromkeys(piece.warnings))
        if spec.VIDEO not in clip.modalities:
            piece = dataclasses.replace(piece, frames=[])
        if not piece.frames and piece.audio is None:
            continue
        if run is not None and not run.continues(piece):  # behind a long gap between two stretches of audio
            yield from run.rest()
            run = None
        if run is None:
            run = _Run(piece, clip, stride_seconds)
        yield from run.add(piece)
    if run is not None:
        yield from run.rest()


def middle_square(frame: np.ndarray, size: int) -> np.ndarray:
    """The centre square of a frame, uint8 [H, W, 3] -> uint8 [size, size, 3]; bilinear where it must
    grow."""
    height, width = frame.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = frame[top : top + side, left : left + side]
    if side != size:
        square = np.asarray(Image.fromarray(square).resize((size, size), Image.Resampling.BILINEAR))
    return np.ascontiguousarray(square)


class _Run:
    """Pieces that follow one another without a gap. Its units are frames, or samples where there are none."""

    def __init__(self, first: Media, clip: spec.ClipSpec, stride_seconds: float):
        self._clip, self._stride_seconds = clip, stride_seconds
        self._counts_frames = bool(first.frames)
        self._rate_hz = float(first.frame_rate_hz if first.frames else clip.sample_rate_hz)
        span = clip.span_seconds if self._counts_frames else clip.audio_span_seconds
        self._span = max(1, math.ceil(span * self._rate_hz - _ROUNDING))
        # From a window's start to the last frame that is not later than each instant.
        steps = np.arange(clip.frames if self._counts_frames else 1) * self._rate_hz / clip.frame_rate_hz
        self._steps = np.floor(steps + _ROUNDING).astype(np.int64)
        self._origin_seconds, self._end_seconds = first.start_seconds, first.start_seconds
        self._frames, self._samples = [], np.zeros(0, np.int16)
        self._first_frame = self._first_sample = 0  # of what is kept, as counted from the origin
        self._units = 0  # that have come
        self._made = 0  # windows
        self._covered = 0  # units up to the end of the last of them

    def continues(self, piece: Media) -> bool:
        """Whether a piece begins where this run ends."""
        tolerance = 1.5 / self._rate_hz
        same_units = bool(piece.frames) == self._counts_frames
        return same_units and abs(piece.start_seconds - self._end_seconds) <= tolerance

    def add(self, piece: Media) -> Iterator[Window]:
        """Takes a piece; gives the windows that are certain by now."""
        hz = self._clip.sample_rate_hz
        self._end_seconds = piece.end_seconds
        self._frames += piece.frames
        units = len(piece.frames if piece.audio is None or self._counts_frames else piece.audio)
        at = round(self._units / self._rate_hz * hz)
        self._units += units
        until = round(self._units / self._rate_hz * hz)
        samples = np.zeros(until - at, np.int16)
        if piece.audio is not None:
            found = piece.audio[: len(samples), 0]
            samples[: len(found)] = found
        self._samples = np.concatenate([self._samples, samples])
        yield from self._whole()
        self._forget(min(self._start(self._made), self._units - self._span))

    def _whole(self) -> Iterator[Window]:
        """The next windows of which all has come."""
        while True:
            start = self._start(self._made)
            needed = start + self._span if self._made else start + math.ceil(1.5 * self._span)
            if self._units < needed:
                break
            yield self._window(start)

    def rest(self) -> Iterator[Window]:
        """The last windows of the run."""
        yield from self._whole()
        if not self._made:
            yield self._window(max(0, self._units - self._span) // 2)
        elif self._units - self._covered >= 0.5 * self._stride_seconds * self._rate_hz:
            yield self._window(self._units - self._span)

    def _start(self, window: int) -> int:
        """The unit at which a window begins."""
        return round(window * self._stride_seconds * self._rate_hz)

    def _forget(self, before: int) -> None:
        """Drops everything before a unit."""
        if self._counts_frames and before > self._first_frame:
            del self._frames[: before - self._first_frame]
            self._first_frame = before
        sample = math.floor(before / self._rate_hz * self._clip.sample_rate_hz)
        if sample > self._first_sample:
            self._samples = self._samples[sample - self._first_sample :].copy()
            self._first_sample = sample

    def _window(self, start: int) -> Window:
        self._made += 1
        self._covered = start + self._span
        start_seconds = self._origin_seconds + start / self._rate_hz
        end_seconds = self._origin_seconds + min(start + self._span, self._units) / self._rate_hz
        return Window(
            start_seconds=start_seconds,
            end_seconds=end_seconds,
            video=self._video(start) if self._counts_frames else None,
            audio=self._audio(start),
        )

    def _video(self, start: int) -> np.ndarray:
        """uint8 [T, H, W, 3], the last frame held."""
        places = np.minimum(self._steps + start - self._first_frame, len(self._frames) - 1)
        return np.stack([self._frames[place] for place in places])

    def _audio(self, start: int) -> np.ndarray | None:
        """int16 [S], silence behind the end; None where nothing is heard."""
        if spec.AUDIO not in self._clip.modalities:
            return None
        first = round(start / self._rate_hz * self._clip.sample_rate_hz) - self._first_sample
        found = self._samples[first : first + self._clip.samples]
        if not found.any():
            return None
        samples = np.zeros(self._clip.samples, np.int16)
        samples[: len(found)] = found
        return samples
