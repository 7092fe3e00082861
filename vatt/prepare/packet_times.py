"""Mends or doubts the times that demuxers make up, where the container has others or none.

What a file states is left alone. Each rule is of one container, and knows what its demuxer does there.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

import av
from av.container import InputContainer

# Their packets have no times: those made up by the demuxer are wrong where the sample rate changes.
_WITHOUT_TIMES = ("aac", "ac3", "eac3", "loas")
_PAUSE_SECONDS = 0.5  # between two frames, in which others may belong that lack a time of their own
UNSTATED = "the file states no time for a frame before a pause of the video: it may be shown too early"


def is_pause(seconds: float, frame_rate_hz: float) -> bool:
    """Whether so much time between two frames is more than a frame or two that are missing."""
    return seconds > max(_PAUSE_SECONDS, 3 / frame_rate_hz)


def with_stated_times(
    packets: Iterable[av.Packet], container: InputContainer, warnings: Counter
) -> Iterator[av.Packet]:
    """The packets of a file with the times that it states, as far as these are known."""
    name = container.format.name
    if name in _WITHOUT_TIMES:
        return _without_times(packets)
    if name == "mpeg":
        return _doubted(packets, warnings)
    if name == "ogg":
        return _ends_as_starts(packets)
    return iter(packets)


def _without_times(packets: Iterable) -> Iterator:
    for packet in packets:
        packet.pts = packet.dts = None
        yield packet


def _doubted(packets: Iterable, warnings: Counter) -> Iterator:
    """Of several frames in one packet of MPEG-PS only the first has a time; others seem to follow."""
    last, unstated = None, 0
    for packet in packets:
        if packet.stream.type == "video" and packet.dts is not None:
            rate_hz = float(packet.stream.guessed_rate or 25)
            if unstated and is_pause(float((packet.dts - last) * packet.time_base), rate_hz):
                warnings[UNSTATED] += unstated
            last, unstated = packet.dts, unstated + 1 if packet.pos is None else 0
        yield packet


def _ends_as_starts(packets: Iterable) -> Iterator:
    """Ogg has the times at which frames of Theora end: one after a pause would begin with the pause."""
    waiting = []  # a packet of Theora, and behind it those of other streams
    try:
        for packet in packets:
            if packet.stream.codec_context.name == "theora":
                first = waiting[0] if waiting else packet
                if None not in (first.pts, packet.pts) and first.duration:
                    first.pts = first.dts = max(first.pts, packet.pts - first.duration)
                yield from waiting
                waiting = []
            elif not waiting:
                yield packet
                continue
            waiting.append(packet)
    except Exception:  # the file can not be read on; what came before is good
        yield from waiting
        raise
    yield from waiting
