"""Decodes one media file: frames at a constant rate, and sound that starts at the instant of the first frame.

Files come from strangers. FFmpeg follows playlists and addresses inside them unless told not to, so only
plain containers over the `file` protocol are opened; and files of every age are met, so whatever can be
decoded is kept: a damaged packet costs that packet, a file that was cut short costs what lies behind the cut.
"""

import contextlib
import dataclasses
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from vatt.prepare.resample import Pictures, Sound

# Demuxers of plain containers. What is not here, above all hls, dash, concat and sdp, can name other files.
_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,flv,ogg,mpeg,mpegts,mpegvideo,m4v,h264,hevc,mxf,gif,apng,nut,dv,ivf,rm,"
    "wav,w64,mp3,aac,flac,aiff,au,caf,ac3,eac3,amr,ape,wv,tta"
)
_MAX_PIXELS = 1 << 26  # 8192 x 8192: a few bytes of header can claim more and take gigabytes to decode


class MediaError(ValueError):
    """A media file that gives neither pictures nor sound; says which file and why."""

    def __init__(self, path, reason: str):
        super().__init__(f"{path}: {reason}")


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


@dataclasses.dataclass
class Media:
    """One decoded file or a part of it.

    Attributes:
        frames: whatever `keep` made of each picture, at `frame_rate_hz`; empty without video.
        frame_rate_hz: constant; 0.0 without video.
        height, width: of the pictures, in pixels; 0 without video.
        audio: int16 [S, channels]; sample 0 is the instant of frame 0. None without sound.
        start_seconds: where frame 0 (or, without video, sample 0) lies on the file's clock.
        end_seconds: where the last frame (or sample) ends on that clock.
        warnings: what was lost, in words.
    """

    frames: list
    frame_rate_hz: float
    height: int
    width: int
    audio: np.ndarray | None
    start_seconds: float
    end_seconds: float
    warnings: list[str]


def read_media(
    path, options: MediaOptions, *, keep=lambda picture: picture, start_seconds=0.0, end_seconds=None
) -> Media:
    """Decodes a file.

    Args:
        path: a local file.
        options: rates and sizes.
        keep: called with each picture, uint8 [H, W, 3] RGB, as soon as it is decoded; its results become
            `Media.frames`, so that a long file never lies in memory as raw pictures.
        start_seconds, end_seconds: the part to read, in seconds from the file's start; None: to the
            end.

    Raises:
        MediaError: nothing could be decoded.
    """
    with _open(path) as container:
        video, audio = _streams(container, path)
        # The clock's zero: the container's start, not 0; transport streams start anywhere.
        first = (container.start_time or 0) / av.time_base
        limit = math.inf if end_seconds is None else first + end_seconds
        picture_sink = Pictures(
            video,
            max_frame_rate_hz=options.max_frame_rate_hz,
            short_side_pixels=options.short_side_pixels,
            keep=keep,
            start_seconds=first + start_seconds,
            end_seconds=limit,
        )
        sound_sink = Sound(rate_hz=options.audio_rate_hz, mono=options.mono)
        warnings = Counter()
        if start_seconds > 0:
            with contextlib.suppress(av.FFmpegError):  # not seekable: read from the start instead
                container.seek(int((first + start_seconds) * av.time_base))
        for stream, frame in _frames(container, [s for s in (video, audio) if s is not None], warnings):
            if stream is video:
                picture_sink.add(frame)
            else:
                sound_sink.add(frame)
            if picture_sink.done(frame):
                break
        picture_sink.close()
        sound_sink.close()
    if not picture_sink.frames and not sound_sink.pieces:
        raise MediaError(path, next(iter(warnings), None) or "no picture and no sound could be decoded")
    if picture_sink.frames:
        start = picture_sink.origin
        end = start + len(picture_sink.frames) / picture_sink.rate
    else:
        start = max(sound_sink.pieces[0][0], first + start_seconds)
        end = min(sound_sink.end_seconds, limit)
    return Media(
        frames=picture_sink.frames,
        frame_rate_hz=picture_sink.rate if picture_sink.frames else 0.0,
        height=picture_sink.height,
        width=picture_sink.width,
        audio=sound_sink.between(start, end),
        start_seconds=start - first,
        end_seconds=end - first,
        warnings=[f"{what} ({count} times)" if count > 1 else what for what, count in warnings.items()],
    )


@contextlib.contextmanager
def _open(path) -> Iterator[av.container.InputContainer]:
    path = Path(path)
    if not path.is_file():
        raise MediaError(path, "there is no such file")
    if path.stat().st_size == 0:
        raise MediaError(path, "the file is empty")
    options = {"protocol_whitelist": "file", "format_whitelist": _CONTAINERS}
    try:
        # "file:" keeps a name like "12:30.mp4" from being read as a protocol.
        container = av.open(f"file:{path}", options=options, metadata_errors="ignore")
    except (av.FFmpegError, ValueError, UnicodeError) as error:
        raise MediaError(path, f"can not be opened as media: {_reason(error)}") from error
    with container:
        yield container


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _streams(container, path):
    """The first real video stream and the first audio stream that can be decoded, or None for either."""
    video = audio = None
    for stream in container.streams:
        context = stream.codec_context
        if context is None:
            continue  # no decoder for it
        if (
            stream.type == "video"
            and video is None
            and not stream.disposition & av.stream.Disposition.attached_pic
        ):
            if context.width * context.height > _MAX_PIXELS:
                raise MediaError(
                    path,
                    f"claims pictures of {context.width}x{context.height}, more than {_MAX_PIXELS} pixels",
                )
            video = stream
        elif stream.type == "audio" and audio is None:
            audio = stream
    for stream in (video, audio):
        if stream is not None:
            # One codec thread: many workers share the cores, and two threads cost up to 30 % more CPU.
            stream.codec_context.thread_count = 1
    return video, audio


def _frames(container, streams, warnings: Counter):
    """(stream, frame) of everything that decodes, in the order of the file."""
    if not streams:
        return
    packets = container.demux(streams)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            break
        except (av.FFmpegError, ValueError) as error:
            warnings[f"reading stopped early: {_reason(error)}"] += 1
            break
        if packet.size == 0:
            continue  # to the decoder an empty packet means the end of the stream
        yield from _decoded(packet.stream, packet, warnings)
    for stream in streams:
        yield from _decoded(stream, None, warnings)  # what the decoder still holds


def _decoded(stream, packet, warnings: Counter):
    try:
        for frame in stream.codec_context.decode(packet):
            # Frames that leave the decoder without a packet lack the stream's time base.
            if frame.time_base is None or not frame.time_base:
                frame.time_base = stream.time_base
            yield stream, frame
    except (av.FFmpegError, ValueError) as error:
        if packet is not None:
            warnings[f"a damaged {stream.type} packet was skipped: {_reason(error)}"] += 1
