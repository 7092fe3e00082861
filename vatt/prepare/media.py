"""Decodes one media file: frames at a constant rate, and audio that starts at the instant of the first frame.

This is the door to everything between a file on disk and arrays; a video of any length goes through it in one
pass, in pieces.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vatt.prepare.animated_image import is_animated
from vatt.prepare.container import FrameError, MediaError
from vatt.prepare.image_file import is_image
from vatt.prepare.segments import Cutter, Media, MediaOptions
from vatt.prepare.source import open_source
from vatt.prepare.still import read_still

__all__ = ["Media", "MediaError", "MediaOptions", "read_segments"]

# Why a file gave nothing, by what was wanted of it.
_NOTHING = {
    ("video",): "has no video",
    ("audio",): "has no audio",
    None: "no frame and no audio could be decoded",
}


def read_segments(
    path: str | Path,
    options: MediaOptions,
    *,
    keep: Callable[[np.ndarray], Any] = lambda image: image,
    start_seconds: float = 0.0,
    end_seconds: float | None = None,
    segment_seconds: float | None = None,
    modalities: Sequence[str] = ("video", "audio"),
    is_enough: Callable[[float], str | None] = lambda seconds: None,
) -> Iterator[Media]:
    """Decodes a file in one pass, in pieces.

    Args:
        path: a local file.
        options: rates and sizes.
        keep: called with each frame, uint8 [H, W, 3] RGB, as soon as it is decoded; its results become
            `Media.frames`, so that raw frames never are in memory.
        start_seconds, end_seconds: the part to read, in seconds from the file's start; None: to the end.
        segment_seconds: length of a piece; the last one has half of it at least and one and a half at most.
            None: one piece.
        modalities: of "video" and "audio", those wanted; the other stream is not decoded.
        is_enough: called with the seconds of audio that have come; gives the reason why no more is to be
            read, or None.

    Yields:
        Media of one piece after the other, without a gap: each begins on a tick of the frame rate as counted
        from the first frame, and its audio at the same instant, to the sample.

    Raises:
        MediaError: nothing could be decoded.
    """
    if segment_seconds is not None and not segment_seconds > 0:
        raise ValueError(f"`segment_seconds` must be positive, or None. Received: {segment_seconds}.")
    if is_image(path) and not is_animated(path):
        yield read_still(path, options, keep)
        return
    warnings = Counter()
    with open_source(
        path,
        start_seconds=start_seconds,
        end_seconds=end_seconds,
        modalities=modalities,
        warnings=warnings,
    ) as source:
        cutter = Cutter(source, options, keep, segment_seconds, warnings)
        try:
            for stream, frame in source.frames:
                cutter.add(stream, frame)
                if not cutter.is_waiting():
                    yield from cutter.complete()
                if cutter.is_done():
                    break
                if (reason := is_enough(cutter.heard_seconds)) is not None:
                    warnings[reason] += 1
                    break
            yield from cutter.rest()
        except FrameError as error:
            raise MediaError(path, str(error)) from error
    if cutter.is_empty:
        reached = cutter.reached_seconds
        if start_seconds > 0 and reached is not None and reached <= start_seconds:
            raise MediaError(
                path, f"the range begins at {start_seconds:.1f} s, the file ends at {reached:.1f} s"
            )
        raise MediaError(path, next(iter(warnings), None) or _NOTHING.get(tuple(modalities), _NOTHING[None]))
