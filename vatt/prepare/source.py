"""What a file holds of video and audio, as frames in its own order: a container, or an animated image."""

import contextlib
import dataclasses
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av

from vatt.prepare import media_file
from vatt.prepare.animated_image import AnimatedStream, animated_frames
from vatt.prepare.container import decoded_frames, frames_from, open_container
from vatt.prepare.deinterlace import deinterlaced
from vatt.prepare.image_file import is_image
from vatt.prepare.streams import STILL_CODECS, choose_streams

# How long a file may be: timestamps cost nothing, so a few bytes can claim years. Real files, silence in Opus
# included, have more bytes for each second, or are short.
_SURE_SECONDS, _LEAST_BYTES_PER_SECOND = 3600.0, 20.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Span:
    """The part of a file that is wanted, in seconds on the file's own clock."""

    zero_seconds: float  # the start of the file
    # the part; an infinite end: to the file's
    start_seconds: float
    end_seconds: float
    most_seconds: float  # that a file of this size may last
    stated_end_seconds: float  # where the file ends as its header has it; infinite: it does not say

    @property
    def last_seconds(self) -> float:
        """Where reading ends at the latest."""
        return min(self.end_seconds, self.start_seconds + self.most_seconds)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """An open file."""

    # streams; None if missing or not wanted
    video: Any
    audio: Any
    span: Span  # the part that is wanted
    frames: Iterator[tuple]  # (stream, frame) from a little before the start of that part

    @property
    def may_be_cover(self) -> bool:
        """Whether the video, if it is one frame, is rather the cover of the audio."""
        return self.video is not None and self.video.codec_context.name in STILL_CODECS


@contextlib.contextmanager
def open_source(
    path: str | Path,
    *,
    start_seconds: float,
    end_seconds: float | None,
    modalities: Sequence[str],
    warnings: Counter,
) -> Iterator[Source]:
    """A file that is closed at the end: a media file, or an animated image.

    The part that is wanted is in seconds from the start; of "video" and "audio" a stream that is not wanted
    is not decoded; `warnings` takes what is lost. MediaError: the file can not be opened, or not be read.
    """
    if is_image(path):
        video = AnimatedStream() if "video" in modalities else None
        frames = iter(()) if video is None else animated_frames(path, video, warnings)
        span = _span(path, start_seconds, end_seconds)
        yield Source(video=video, audio=None, span=span, frames=frames)
        return
    with open_container(path) as container:
        video, audio = choose_streams(container, path, warnings, modalities)
        # The clock's zero is the container's start: transport streams start anywhere.
        zero = (container.start_time or 0) / av.time_base
        length = container.duration / av.time_base if container.duration else math.inf
        span = _span(path, start_seconds, end_seconds, zero_seconds=zero, length_seconds=length)
        streams = [stream for stream in (video, audio) if stream is not None]
        if start_seconds > 0 and streams:
            frames = frames_from(container, streams, span.start_seconds, warnings)
        else:
            frames = decoded_frames(container, streams, warnings)
        yield Source(video=video, audio=audio, span=span, frames=deinterlaced(frames, video, warnings))


def _span(
    path,
    start_seconds: float,
    end_seconds: float | None,
    *,
    zero_seconds: float = 0.0,
    length_seconds: float = math.inf,
) -> Span:
    """The part on the file's clock."""
    return Span(
        zero_seconds=zero_seconds,
        start_seconds=zero_seconds + start_seconds,
        end_seconds=math.inf if end_seconds is None else zero_seconds + end_seconds,
        most_seconds=_SURE_SECONDS + media_file.size(path) / _LEAST_BYTES_PER_SECOND,
        stated_end_seconds=zero_seconds + length_seconds,
    )
