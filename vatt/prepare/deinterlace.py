"""Interlaced frames -> whole ones: the two fields of such a frame were taken at two instants, so that what
moves has the teeth of a comb.

FFmpeg's `bwdif` makes one frame of each, at the instant of its first field; frames that are not marked as
interlaced pass untouched. Times, durations and the number of frames stay.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import av
import av.filter
from av.error import BlockingIOError, EOFError, FFmpegError

from vatt.prepare.container import FrameError

_LEAST_WIDTH, _LEAST_HEIGHT = 3, 4  # that the filter takes
_TIME_BASE = Fraction(1, 1000)  # inside of the filter
# Codecs whose frames say themselves whether they are interlaced; of others the container may say it.
# fmt: off
_MARKING_CODECS = (
    "h264", "mpeg1video", "mpeg2video", "mpeg4", "vc1", "wmv3", "cavs", "dvvideo", "mjpeg", "prores", "dnxhd",
    "ffv1", "rawvideo", "v210",
)
# fmt: on
_FIELD_ORDERS = {2: "tff", 3: "bff", 4: "bff", 5: "tff"}  # FFmpeg's codes: by what is shown first
# Its decoder gives each field as a frame of its own, of half the height: these are not to be torn further.
_FIELD_CODEC = "hevc"


def deinterlaced(frames: Iterable[tuple], stream: Any, warnings: Counter) -> Iterator[tuple]:
    """(stream, frame) of `frames`, those of the video `stream` without comb.

    From the first interlaced frame on a frame leaves when the next one has come.

    Raises:
        FrameError: frames of a kind that the filter does not take.
    """
    field_order = _field_order(stream)
    filtering = None
    for source, frame in frames:
        if source is not stream or field_order is None or not _is_large(frame):
            yield source, frame
            continue
        if filtering is not None and not filtering.takes(frame):
            yield from filtering.rest()
            filtering = None
        if filtering is None and not (frame.interlaced_frame or field_order != "auto"):
            yield source, frame
            continue
        if frame.interlaced_frame and stream.codec_context.name == _FIELD_CODEC:
            warnings["each field of the interlaced video was taken as a frame"] = 1
            yield source, frame
            continue
        if filtering is None:
            filtering = _Filtering(stream, frame, field_order)
            warnings["interlaced frames were de-interlaced"] = 1
        yield from filtering.add(frame)
    if filtering is not None:
        yield from filtering.rest()


def _field_order(stream) -> str | None:
    """Which field of frames comes first: "tff", "bff", or "auto" where each frame says it; None: no video."""
    if stream is None:
        return None
    context = stream.codec_context
    return "auto" if context.name in _MARKING_CODECS else _FIELD_ORDERS.get(context.field_order, "auto")


def _is_large(frame) -> bool:
    return frame.width >= _LEAST_WIDTH and frame.height >= _LEAST_HEIGHT


class _Filtering:
    """The filter for frames of one size and format: a (stream, frame) for each frame that goes in."""

    def __init__(self, stream, frame, field_order: str):
        self._stream = stream
        self._shape = _shape(frame)
        self._times = deque()  # of the frames that the filter holds: given to what comes out
        self._pushed = 0
        which = "interlaced" if field_order == "auto" else "all"
        self._graph = av.filter.Graph()
        self._graph.threads = 1  # a process per core prepares
        try:
            source = self._graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=_TIME_BASE
            )
            bwdif = self._graph.add("bwdif", f"mode=send_frame:parity={field_order}:deint={which}")
            self._graph.link_nodes(source, bwdif, self._graph.add("buffersink")).configure()
        except (FFmpegError, ValueError) as error:
            raise FrameError(f"frames {self._shape} can not be de-interlaced: {error}") from error

    def takes(self, frame) -> bool:
        """Whether a frame is of the size and the format of the first one."""
        return _shape(frame) == self._shape

    def add(self, frame) -> Iterator[tuple]:
        """The frames that are complete by now."""
        self._times.append((frame.pts, frame.dts, frame.time_base, frame.duration))
        frame.pts, frame.time_base = self._pushed, _TIME_BASE  # its own may be missing, or stand still
        self._pushed += 1
        return self._made(frame)

    def rest(self) -> Iterator[tuple]:
        """The frames that the filter still holds."""
        return self._made(None)

    def _made(self, pushed) -> Iterator[tuple]:
        try:
            self._graph.vpush(pushed)
            while True:
                frame = self._graph.vpull()
                frame.pts, frame.dts, frame.time_base, frame.duration = self._times.popleft()
                yield self._stream, frame
        except (BlockingIOError, EOFError):
            return
        except FFmpegError as error:
            raise FrameError(f"frames {self._shape} can not be de-interlaced: {error}") from error


def _shape(frame) -> tuple:
    return frame.width, frame.height, frame.format.name
