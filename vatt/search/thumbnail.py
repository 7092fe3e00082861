"""Thumbnails of a window: three frames side by side, and the waveform.

Made from the file on request, so an index holds no video; in a worker process, as with all untrusted
files.
"""

import dataclasses
import io
from collections.abc import Iterator

import numpy as np
from PIL import Image

from vatt.prepare.media import MediaOptions, read_segments
from vatt.prepare.media_file import MediaPath
from vatt.prepare.pool import Failure, WorkerPool

_FRAMES, _HEIGHT_PIXELS, _GAP_PIXELS, _GAP_GREY, _QUALITY = 3, 108, 2, 128, 80
_BARS = 64
_RATE_HZ = 8000  # of audio that is only displayed
_HANG_SECONDS = 60.0
_MEMORY_BYTES = 2 << 30


@dataclasses.dataclass(frozen=True, kw_only=True)
class Thumbnail:
    """A window to look at."""

    jpeg: bytes = b""  # frames side by side; b"" without any
    envelope: tuple[float, ...] = ()  # peaks in [0, 1]; () without audio
    reason: str = ""  # why there is neither, in words; "" otherwise


def looking_pool() -> WorkerPool:
    """Workers that decode a few seconds of a file, for whatever is to be looked at."""
    return WorkerPool(workers=2, timeout_seconds=_HANG_SECONDS, memory_bytes=_MEMORY_BYTES)


def thumbnails(windows: list[tuple[str, float, float]], pool: WorkerPool) -> Iterator[Thumbnail]:
    """A thumbnail of each (path or address, start, end), in their order; a bad file gives its reason."""
    for (name, *_), outcome in pool.run(thumbnail, [(MediaPath(path), *times) for path, *times in windows]):
        if isinstance(outcome, Failure):
            outcome = Thumbnail(reason=outcome.reason.removeprefix(f"{name}: "))
        yield outcome


def thumbnail(name: str, start_seconds: float, end_seconds: float) -> Thumbnail:
    """What a worker process does.

    Raises:
        MediaError: nothing can be decoded.
    """
    options = MediaOptions(max_frame_rate_hz=10.0, short_side_pixels=_HEIGHT_PIXELS, audio_rate_hz=_RATE_HZ)
    frames, parts = [], []
    for piece in read_segments(name, options, start_seconds=start_seconds, end_seconds=end_seconds):
        frames += piece.frames
        if piece.audio is not None:
            parts.append(piece.audio[:, 0])
    return Thumbnail(jpeg=_strip(frames), envelope=_envelope(parts))


def _strip(frames: list[np.ndarray]) -> bytes:
    if not frames:
        return b""
    count = min(_FRAMES, len(frames))
    moments = ((np.arange(count) + 0.5) * len(frames) / count).astype(int)
    resized = [_of_height(frames[moment]) for moment in moments]
    gap = np.full((_HEIGHT_PIXELS, _GAP_PIXELS, 3), _GAP_GREY, np.uint8)
    spaced = [each for part in resized for each in (gap, part)][1:]
    stream = io.BytesIO()
    Image.fromarray(np.concatenate(spaced, axis=1)).save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()


def _of_height(frame: np.ndarray) -> np.ndarray:
    height, width = frame.shape[:2]
    width = min(max(1, round(width * _HEIGHT_PIXELS / height)), 4 * _HEIGHT_PIXELS)
    if (height, width) == (_HEIGHT_PIXELS, frame.shape[1]):
        return frame
    return np.asarray(Image.fromarray(frame).resize((width, _HEIGHT_PIXELS), Image.Resampling.BOX))


def _envelope(parts: list[np.ndarray]) -> tuple[float, ...]:
    if not parts:
        return ()
    samples = np.abs(np.concatenate(parts).astype(np.float32)) / 32768.0
    if len(samples) < _BARS or not samples.any():
        return ()
    starts = np.linspace(0, len(samples), _BARS, endpoint=False).astype(int)
    return tuple(round(float(peak), 3) for peak in np.maximum.reduceat(samples, starts))
