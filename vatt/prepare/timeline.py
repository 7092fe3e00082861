"""Puts the packets of a file's streams on one clock that never begins again: audio and video stay together.

Files that were joined (`cat a.ts b.ts`, chained Ogg, a station's stream) and recorders that were interrupted
hold clocks that start over or jump. What follows such a place is shifted, all streams by the same amount, to
go on where the longest of them ended. A jump counts as one only if no stream fills it: a slide may stand for
as long as its audio continues.
"""

import dataclasses
import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from av import Packet
from av.container import InputContainer
from av.format import Flags

JUMPED_BACK = "the clock of the file began again or jumped back; what follows was shifted to continue it"
JUMPED_AHEAD = "the clock of the file jumped ahead; what follows was shifted to continue it"
BEHIND_THE_END = "a packet of another clock, behind the end that the file states, was left out"
LONGEST_HOLE_SECONDS = 3600.0  # without any packet: more is a damaged timestamp or another clock
# The same where the container allows clocks that jump (transport streams, VOB, Ogg) and there is audio, which
# is never sparse: as FFmpeg's `dts_delta_threshold`.
_LONGEST_HOLE_OF_A_BROADCAST_SECONDS = 10.0
_JITTER_SECONDS = 0.1  # by which timestamps may go back without being another clock
_JOINT_SECONDS = 10.0  # streams that jump together do so within this of each other; FFmpeg's muxing limit
_RETURN_SECONDS = 0.5  # a stream resumes a clock that it had left if it is this near to where it was
_STRAY_PACKETS = 3  # this number may have wrong times before they count as another clock
# Containers of presentation times only: the decoding times that FFmpeg makes up for video are wrong at first.
_WITHOUT_DECODING_TIMES = frozenset(("matroska", "nut", "ogg", "asf"))
_REORDERED = 17  # packets: codecs hold 16 frames at most
_CLOCKS = 8  # of the newest, to return to
_MOST_JUMPS = 1000
_NUMBERED = ("flac", "wv")  # their frames have numbers, which begin again where another file was joined
_LEFT_OUT = "what follows was left out"
_LOOKAHEAD_SECONDS = 2.0  # behind a jump, to see where each stream begins again
_LOOKAHEAD_PACKETS = 500
_PREROLL_SECONDS = 1.0  # of audio that is decoded before what is wanted
_MOST_HELD_BYTES = 1 << 26  # of packets since a key frame


@dataclasses.dataclass
class _Stream:
    """Where one stream is, in seconds on the continuous clock."""

    offset: float  # from its own timestamps to the continuous clock
    head: float  # where its next packet is expected in decoding order
    end: float  # where what has come of it ends in presentation order
    before: float = 0.0  # `head` before its last hole or jump
    since: int = _STRAY_PACKETS + 1  # packets that have come since then
    # times of its last packets, where these are in presentation order
    recent: deque = dataclasses.field(default_factory=lambda: deque(maxlen=_REORDERED))


class Timeline:
    """Shifts the packets of some streams; times stay the file's own up to the first place where its clock
    jumps, which is counted as a warning.
    """

    def __init__(self, container: InputContainer, streams: Sequence[Any], warnings: Counter):
        self._warnings = warnings
        self._count = len(streams)
        is_dense = may_jump(container) and any(stream.type == "audio" for stream in streams)
        self._longest_hole = _LONGEST_HOLE_OF_A_BROADCAST_SECONDS if is_dense else LONGEST_HOLE_SECONDS
        self._is_shown_only = not _WITHOUT_DECODING_TIMES.isdisjoint(container.format.name.split(","))
        self._streams: dict[int, _Stream] = {}
        self._offsets = [0.0]  # of every clock that was met, the newest last

    def aligned(self, packets: Iterable) -> Iterator:
        """The packets in their order, with timestamps on the continuous clock."""
        packets, again = iter(packets), deque()
        behind, begun = [], set()  # what has come since a jump that is not settled, and of which streams
        while True:
            packet = again.popleft() if again else next(packets, None)
            if packet is None and not behind:
                return
            if packet is not None:
                if not behind and not self._jumps(packet):
                    yield self._placed(packet)
                    continue
                if not behind and packet.is_discard:  # joined fragments of MP4 are outside its edit list
                    self._warnings[BEHIND_THE_END] += 1
                    continue
                behind.append(packet)
                if self._leaves(packet):
                    begun.add(packet.stream.index)
            if packet is None or len(begun) == self._count or self._is_far(behind):
                if len(self._offsets) > _MOST_JUMPS:
                    self._warnings[f"the clock of the file jumped {_MOST_JUMPS} times; {_LEFT_OUT}"] += 1
                    return
                yield self._settled(behind)
                again.extendleft(reversed(behind[1:]))
                behind, begun = [], set()

    def has_lasted(self, packet: Packet, seconds: float) -> None:
        """Counts what came of a packet without a time: it followed the previous one."""
        stream = self._streams[packet.stream.index]
        if self._time(packet) is None:
            stream.head, stream.end = stream.head + seconds, stream.end + seconds

    def _jumps(self, packet) -> bool:
        """Whether a packet continues its stream on no known clock; it joins the one that it continues."""
        time, stream = self._time(packet), self._streams.get(packet.stream.index)
        if time is None or stream is None:
            return False
        newest = self._offsets[-1]
        apart = time + stream.offset - self._expected(stream, packet)
        apart_on_newest = apart + newest - stream.offset
        if abs(apart) <= _JITTER_SECONDS:
            return False
        fits_newest = stream.offset != newest and -_RETURN_SECONDS <= apart_on_newest <= _JOINT_SECONDS
        if fits_newest and abs(apart_on_newest) < abs(apart):
            stream.offset = newest
            return False
        return not self._returns(stream, time) and not self._goes_on(stream, packet)

    def _returns(self, stream: _Stream, time: float) -> bool:
        """Whether of a few packets alone times were wrong: this one continues where the stream was before."""
        if stream.since > _STRAY_PACKETS:
            return False
        for offset in self._offsets[-_CLOCKS:]:
            is_return = offset != stream.offset or time + offset < stream.head
            if is_return and -_JITTER_SECONDS / 4 <= time + offset - stream.before <= _RETURN_SECONDS:
                if offset != self._offsets[-1]:
                    self._offsets.append(offset)
                stream.offset = offset
                return True
        return False

    def _goes_on(self, stream: _Stream, packet) -> bool:
        time = self._time(packet) + stream.offset
        reached = max(stream.head, *(each.end for each in self._streams.values()))
        is_back = time < self._expected(stream, packet) - _JITTER_SECONDS
        return not is_back and time - reached <= self._longest_hole

    def _expected(self, stream: _Stream, packet) -> float:
        """The earliest time of a packet that continues its stream."""
        if not self._is_shown_only or packet.stream.type != "video" or packet.is_keyframe:
            return stream.head
        # Frames are reordered, after a seek also around the first of them.
        return min(stream.recent) if len(stream.recent) == _REORDERED else -math.inf

    def _time(self, packet) -> Any:
        """As `_time` below, of video shown only its presentation time."""
        if self._is_shown_only and packet.stream.type == "video":
            return None if packet.pts is None else _shown(packet)
        return _time(packet)

    def _leaves(self, packet) -> bool:
        """Whether a packet does not go on with the clock that its stream is on."""
        time, stream = self._time(packet), self._streams.get(packet.stream.index)
        return time is not None and (stream is None or not self._goes_on(stream, packet))

    def _is_far(self, behind: list) -> bool:
        """Whether so much has come since a jump that the streams which did not jump will not."""
        first, last = behind[0], behind[-1]
        if last.stream is first.stream and self._time(last) is not None:
            return abs(self._time(last) - self._time(first)) > _LOOKAHEAD_SECONDS
        return len(behind) >= _LOOKAHEAD_PACKETS

    def _settled(self, behind: list):
        """Takes a new clock for what is behind a jump; the first packet of it, placed."""
        first = behind[0]
        stream = self._streams[first.stream.index]
        is_back = self._time(first) + stream.offset < stream.head
        self._warnings[JUMPED_BACK if is_back else JUMPED_AHEAD] += 1
        starts = [_shown(packet) for packet in behind if self._leaves(packet)]
        start = min(each for each in starts if abs(each - _shown(first)) <= _JOINT_SECONDS)
        stream.offset = max(each.end for each in self._streams.values()) - start
        self._offsets.append(stream.offset)
        return self._placed(first, is_jump=True)

    def _placed(self, packet, *, is_jump: bool = False):
        """The packet with its place on the continuous clock; its stream has come so far."""
        time, stream = self._time(packet), self._streams.get(packet.stream.index)
        if stream is None:
            start = 0.0 if time is None else time + self._offsets[-1]
            stream = self._streams[packet.stream.index] = _Stream(self._offsets[-1], start, start)
        lasts = float(packet.duration * packet.time_base) if packet.duration else 0.0
        if time is not None:
            stream.since += 1
            if is_jump or time + stream.offset > stream.head + _JITTER_SECONDS:
                stream.before, stream.since = stream.head, 1
            # Of video durations may be made up, longer than the time to the next packet.
            head = time + stream.offset + (lasts if packet.stream.type == "audio" else 0.0)
            if self._is_shown_only and packet.stream.type == "video":
                if is_jump:
                    stream.recent.clear()
                stream.recent.append(head)
                head = max(stream.recent)
            stream.head = head
            stream.end = max(stream.end, _shown(packet) + stream.offset + lasts)
        if stream.offset:
            shift = round(stream.offset / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift
        return packet


def may_jump(container: InputContainer) -> bool:
    """Whether files of this container have clocks that jump, so that a seek by time leads anywhere."""
    return container.format.name in _NUMBERED or bool(container.format.flags & Flags.ts_discont.value)


def _time(packet) -> Any:
    """Seconds by which packets of a stream follow one another; None if it is not known.

    Presentation times of video jump back and forth, those of audio do not.
    """
    ticks = packet.dts
    if ticks is None and packet.stream.type == "audio":
        ticks = packet.pts
    return None if ticks is None else float(ticks * packet.time_base)


def _shown(packet) -> float:
    """Seconds at which a packet that has a `_time` is shown or heard."""
    return float((packet.pts if packet.pts is not None else packet.dts) * packet.time_base)


def packets_from(packets: Iterable, lead: Any, seconds: float) -> Iterator:
    """The packets from the last key frame of `lead` before an instant on, and what goes with them."""
    packets, waiting, held_bytes = iter(packets), [], 0
    for packet in packets:
        time = _time(packet)
        is_lead = packet.stream is lead and time is not None
        if is_lead and packet.is_keyframe and _shown(packet) <= seconds:
            # Packets of other streams that are needed may be before it, and headers that came in between.
            waiting = [each for each in waiting if _is_needed(each, lead, seconds)]
            held_bytes = sum(each.size for each in waiting)
        waiting.append(packet)
        held_bytes += packet.size
        if time is None and packet.stream.type == "audio":  # how long it lasts is known when it is decoded
            yield from waiting
            waiting, held_bytes = [], 0
        if packet.stream is lead and time is not None and time > seconds or held_bytes > _MOST_HELD_BYTES:
            break
    yield from waiting
    yield from packets


def _is_needed(packet, lead, seconds: float) -> bool:
    if packet.has_sidedata("new_extradata"):
        return True
    is_dense = packet.stream.type == "audio"  # each packet of it is a key frame
    is_near = _time(packet) is None or _time(packet) >= seconds - _PREROLL_SECONDS
    return is_near and (is_dense or packet.stream is not lead)
