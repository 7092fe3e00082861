"""Opens untrusted media files and decodes what can be decoded: the only place that hands a path to FFmpeg.

FFmpeg follows playlists and addresses inside files by default, so only plain containers over the
`file` protocol are opened. Files of every age are met, so a damaged packet costs that packet, and a file that
was cut short loses what is behind the cut.
"""

import contextlib
import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.error import FFmpegError

from vatt.prepare import media_file
from vatt.prepare.joined_file import joined_file
from vatt.prepare.packet_times import with_stated_times
from vatt.prepare.timeline import Timeline, may_jump, packets_from

# Demuxers of plain containers. What is not here, above all hls, dash, concat, sdp, image2, can name files.
_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,flv,ogg,mpeg,mpegts,mpegvideo,m4v,h264,hevc,mxf,gif,apng,nut,dv,ivf,"
    "rm,wav,w64,mp3,aac,flac,aiff,au,caf,ac3,eac3,amr,ape,wv,tta"
)
MAX_PIXELS = 1 << 26  # 8192 x 8192: a few bytes of header can claim more and take gigabytes to decode
# Where a seek aims before what is wanted, at first and at second try: the audio of codecs that overlap their
# blocks is whole only after up to 0.1 s, and indexes of old files are wrong by seconds.
_SEEK_MARGINS_SECONDS = (0.25, 15.0)
# Of presentation times; without B-frames made up ones are right, with them half are wrong.
_MAX_FAULTS = 1 / 8
_DECODING_TIMES_ONLY = "avi"


class MediaError(ValueError):
    """A media file that gives neither video nor audio; says which file and why."""

    def __init__(self, path: object, reason: str):
        super().__init__(f"{media_file.shown(path)}: {reason}")
        self._arguments = (path, reason)

    def __reduce__(self):  # errors travel between processes
        return type(self), self._arguments


class FrameError(ValueError):
    """A decoded frame of a kind that can not be brought to RGB or to 16-bit samples."""


@contextlib.contextmanager
def open_container(path: str | Path) -> Iterator[InputContainer]:
    """An open container, closed at the end; MediaError if there is no such file or it may not be opened."""
    is_plain = media_file.is_plain(path)
    if is_plain and not Path(path).is_file():
        raise MediaError(path, "there is no such file")
    if media_file.size(path) == 0:
        raise MediaError(path, "the file is empty")
    options = {"protocol_whitelist": "file", "format_whitelist": _CONTAINERS}
    try:
        # "file:" keeps a name like "12:30.mp4" from being read as a protocol.
        source = f"file:{path}" if is_plain else media_file.opened(path)
        container: Any = av.open(source, options=options, metadata_errors="ignore")
    except Exception as error:  # of any kind: untrusted headers raise more than FFmpeg's own errors
        pass_on_exhaustion(error)
        raise MediaError(path, f"can not be opened as media: {reason_of(error)}") from error
    with container:
        yield container


def reason_of(error: Exception) -> str:
    """What an error of FFmpeg says, without numbers and file names."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def pass_on_exhaustion(error: Exception) -> None:
    """Raises what is no fault of the file; FFmpeg's own lack of memory is: its header claims too much."""
    if isinstance(error, MemoryError) and not isinstance(error, FFmpegError):
        raise error


def decoded_frames(
    container: InputContainer,
    streams: Sequence[Any],
    warnings: Counter,
    *,
    is_in_the_middle: bool = False,
    after_seconds: float | None = None,
) -> Iterator[tuple[Any, Any]]:
    """(stream, frame) of everything that decodes from here to the end, in the order of the file.

    Times are on the clock of `vatt.prepare.timeline`. In the middle of a file, after a seek, a stream may
    start with half a packet, which is no damage. With `after_seconds` what is well before is not decoded.
    """
    timeline = Timeline(container, streams, warnings)
    packets = timeline.aligned(_packets(container, streams, warnings))
    if after_seconds is not None:
        packets, is_in_the_middle = packets_from(packets, streams[0], after_seconds), True
    begun = set() if is_in_the_middle else {stream.index for stream in streams}
    for packet in packets:
        stream = packet.stream
        has_begun = stream.index in begun
        frames = _decoded(stream, packet, warnings if has_begun else Counter())
        if frames and not has_begun:
            begun.add(stream.index)
        if frames and packet.pts is None and stream.type == "audio":
            timeline.has_lasted(packet, sum(frame.samples / frame.sample_rate for frame in frames))
        for frame in frames:
            yield stream, frame
    for stream in streams:
        for frame in _decoded(stream, None, warnings):  # what the decoder still holds
            yield stream, frame


def _packets(container, streams, warnings: Counter) -> Iterator[av.Packet]:
    """The readable part of these streams; reports what is behind it."""
    if not streams:
        return
    packets, read_until = with_stated_times(container.demux(streams), container, warnings), 0
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            break
        except Exception as error:
            pass_on_exhaustion(error)
            warnings[f"reading stopped early: {reason_of(error)}"] += 1
            return
        if packet.size == 0:
            continue  # to the decoder an empty packet means the end of the stream
        read_until = max(read_until, (packet.pos or 0) + packet.size)
        yield packet
    joined_at = joined_file(container, read_until)
    if joined_at is not None:
        warnings[f"another file is joined behind this one, at byte {joined_at}, and was not read"] += 1


def _decoded(stream, packet, warnings: Counter) -> list[Any]:
    """The frames of a packet, or of the end of the stream for None."""
    try:
        frames = stream.codec_context.decode(packet)
    except Exception as error:
        pass_on_exhaustion(error)
        if packet is not None:
            warnings[f"a damaged {stream.type} packet was skipped: {reason_of(error)}"] += 1
        return []
    for frame in frames:
        # Frames that leave the decoder without a packet lack the stream's time base; their time is NaN, or
        # None without a `pts`. (To look at the time base itself costs a Fraction each.)
        time = frame.time
        if (time is None or math.isnan(time)) and not frame.time_base:
            frame.time_base = stream.time_base
    return frames


def frames_from(
    container: InputContainer, streams: Sequence[Any], seconds: float, warnings: Counter
) -> Iterator[tuple[Any, Any]]:
    """As `decoded_frames`, but from a little before `seconds` on the file's clock, where the file can seek.

    Every seek is checked by the first frame that it gives: one that comes too late is tried from further
    ahead, and at last the file is read from its start. So is a file whose clock may jump, since a seek by
    time would lead into any of its parts; but only what is needed of it is decoded.
    """
    if may_jump(container):
        return decoded_frames(container, streams, warnings, after_seconds=seconds)
    frames = decoded_frames(container, streams, warnings)
    head = _until_first_of(streams[0], frames)
    time = frame_time(head[-1][1]) if head else None
    if time is None or time >= seconds:  # without timestamps it is not known where a seek leads
        return itertools.chain(head, frames)
    start = (container.start_time or 0) / av.time_base
    earliest = start - 1.0  # seeks go by decoding times, which are before the start
    for target in (*(max(earliest, seconds - margin) for margin in _SEEK_MARGINS_SECONDS), earliest, start):
        try:
            container.seek(int(target * av.time_base))
        except (FFmpegError, OverflowError):
            continue  # not seekable, or not to there: on from where the file is now
        frames = decoded_frames(container, streams, warnings, is_in_the_middle=True)
        head = _until_first_of(streams[0], frames)
        time = frame_time(head[-1][1]) if head else None
        if time is not None and time <= seconds:
            break
    return itertools.chain(head, frames)


def _until_first_of(stream, frames) -> list:
    """What comes up to the first frame of a stream, that one included."""
    head = []
    for item in frames:
        head.append(item)
        if item[0] is stream:
            break
    return head


def frame_time(frame: Any) -> float | None:
    """Seconds on the file's clock at which a frame is to be shown or heard; None if it does not say."""
    time = frame.time  # None without a `pts`
    return _seconds(frame, frame.dts) if time is None else time


def _seconds(frame, ticks: int | None) -> float | None:
    base = frame.time_base
    return None if ticks is None or not base else float(ticks * base)


class FrameClock:
    """Times of the frames of one stream, also where a container, as AVI, knows decoding times only.

    Such a demuxer makes up presentation times, which then jump back and forth; AVI's are not asked for. Of
    others, as in FFmpeg's `best_effort_timestamp`, whichever of the two went wrong less often is believed;
    but a single fault among many frames is no reason to leave presentation times.

    Attributes:
        is_stated: whether the file states the time of the last frame; otherwise it was made up by counting.
    """

    def __init__(self, stream: object | None = None) -> None:
        self.is_stated = True
        container = getattr(stream, "container", None)
        self._has_presentation_times = container is None or container.format.name != _DECODING_TIMES_ONLY
        self._last_pts = self._last_dts = -math.inf
        self._frames = 0
        self._faults = 0  # of presentation times, less those of decoding times
        self._delay = None  # by which a frame leaves the decoder after its packet went in, in ticks

    def time(self, frame: Any) -> float | None:
        """As `frame_time`; call it once for each frame, in the order in which they leave the decoder."""
        pts, dts = frame.pts, frame.dts
        self._frames += 1
        if pts is not None:
            self._faults += pts <= self._last_pts
            self._last_pts = pts
        if dts is not None:
            self._faults -= dts <= self._last_dts
            self._last_dts = dts
            if self._delay is None and pts is not None:
                self._delay = max(0, dts - pts)
        self.is_stated = (pts if self._has_presentation_times else dts) is not None
        if self._has_presentation_times and (dts is None or self._faults <= self._frames * _MAX_FAULTS):
            return frame_time(frame)
        return None if dts is None else _seconds(frame, dts - (self._delay or 0))
