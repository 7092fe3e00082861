"""Decodes one media file: frames at a constant rate, and sound that starts at the instant of the first frame.

This is the door to everything between a file on disk and arrays; a film of any length goes through it in one
pass, in pieces.
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator, Sequence

import av

from vatt.prepare.container import (
    FrameError,
    MediaError,
    decoded_frames,
    frames_from,
    open_container,
)
from vatt.prepare.deinterlace import deinterlaced
from vatt.prepare.resample import Pictures, Sound
from vatt.prepare.segments import Cutter, Media
from vatt.prepare.still import is_still, read_still
from vatt.prepare.streams import choose_streams

__all__ = ["Media", "MediaError", "MediaOptions", "read_segments"]

# Why a file gave nothing, by what was wanted of it.
_NOTHING = {
    ("video",): "has no pictures",
    ("audio",): "has no sound",
    None: "no picture and no sound could be decoded",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class MediaOptions:
    """What to decode.

    Args:
        max_frame_rate_hz: frames are kept at the file's own rate up to this one.
        short_side_pixels: pictures are scaled down (never up) so that their short side has this many pixels.
        audio_rate_hz: samples per second of the sound.
        mono: mix all channels into one; otherwise they stay as they are.
    """

    max_frame_rate_hz: float = 25.0
    short_side_pixels: int = 256
    audio_rate_hz: int = 48_000
    mono: bool = True


def read_segments(
    path,
    options: MediaOptions,
    *,
    keep=lambda picture: picture,
    start_seconds: float = 0.0,
    end_seconds: float | None = None,
    segment_seconds: float | None = None,
    modalities: Sequence[str] = ("video", "audio"),
) -> Iterator[Media]:
    """Decodes a file in one pass, in pieces.

    Args:
        path: a local file.
        options: rates and sizes.
        keep: called with each picture, uint8 [H, W, 3] RGB, as soon as it is decoded; its results become
            `Media.frames`, so that raw pictures never lie in memory.
        start_seconds, end_seconds: the part to read, in seconds from the file's start; None: to the end.
        segment_seconds: length of a piece; the last one has half of it at least and one and a half at most.
            None: one piece.
        modalities: of "video" and "audio", those wanted; the other stream is not decoded.

    Yields:
        Media of one piece after the other, without a gap: each begins on a tick of the frame rate as counted
        from the first frame, and its sound at the same instant, to the sample.

    Raises:
        MediaError: nothing could be decoded.
    """
    if segment_seconds is not None and not segment_seconds > 0:
        raise ValueError(f"`segment_seconds` must be positive, or None. Received: {segment_seconds}.")
    if is_still(path):
        yield read_still(
            path,
            short_side_pixels=options.short_side_pixels,
            frame_rate_hz=options.max_frame_rate_hz,
            keep=keep,
        )
        return
    warnings = Counter()
    with open_container(path) as container:
        video, audio = choose_streams(container, path, warnings, modalities)
        # The clock's zero: the container's start, not 0; transport streams start anywhere.
        zero = (container.start_time or 0) / av.time_base
        start, end = zero + start_seconds, math.inf if end_seconds is None else zero + end_seconds
        pictures = Pictures(
            video,
            max_frame_rate_hz=options.max_frame_rate_hz,
            short_side_pixels=options.short_side_pixels,
            keep=keep,
            start_seconds=start,
            end_seconds=end,
            warnings=warnings,
        )
        sound = Sound(
            rate_hz=options.audio_rate_hz, mono=options.mono, start_seconds=start, warnings=warnings
        )
        cutter = Cutter(
            pictures,
            sound,
            has_video=video is not None,
            has_audio=audio is not None,
            rate_hz=options.audio_rate_hz,
            zero_seconds=zero,
            start_seconds=start,
            end_seconds=end,
            segment_seconds=segment_seconds,
            warnings=warnings,
        )
        streams = [stream for stream in (video, audio) if stream is not None]
        if start_seconds > 0 and streams:
            frames = frames_from(container, streams, start, warnings)
        else:
            frames = decoded_frames(container, streams, warnings)
        try:
            for stream, frame in deinterlaced(frames, video, warnings):
                (pictures if stream is video else sound).add(frame)
                if not cutter.is_waiting():
                    yield from cutter.complete()
                if cutter.is_done():
                    break
            yield from cutter.rest()
        except FrameError as error:
            raise MediaError(path, str(error)) from error
    if cutter.is_empty:
        raise MediaError(path, next(iter(warnings), None) or _NOTHING.get(tuple(modalities), _NOTHING[None]))
