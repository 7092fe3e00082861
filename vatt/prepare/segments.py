"""Cuts the streams of a file into pieces that begin on a frame, with sound from that instant to the sample.

A piece leaves as soon as it is certain: when half a piece more has come, so that the last one is never
shorter than half, and when the sound has come as far, or will not. So one or two pieces lie in memory, of a
film of any length.
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator

import numpy as np

from vatt.prepare.resample import MAX_HOLD_SECONDS, Pictures, Sound

_MAX_INTERLEAVE_SECONDS = 10.0  # one stream may come this much later in the file; FFmpeg's own muxing limit
_MAX_OVERHANG_SECONDS = 1.0  # sound that goes on for longer after the last picture is worth a word


@dataclasses.dataclass
class Media:
    """One decoded file or a part of it.

    Attributes:
        frames: whatever `keep` made of each picture, at `frame_rate_hz`; empty without video.
        frame_rate_hz: constant; 0.0 without video.
        height, width: of the pictures, in pixels; 0 without video.
        audio: int16 [S, channels]; sample 0 is the instant of frame 0. None without sound.
        start_seconds: where frame 0 (or, without video, sample 0) lies, in seconds from the file's start.
        end_seconds: where the last frame (or sample) ends, likewise.
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


class Cutter:
    """Takes what `Pictures` and `Sound` have gathered, piece by piece; a piece of nothing is left out.

    Args:
        pictures, sound: what the decoded frames are added to.
        has_video, has_audio: whether the file has such a stream at all.
        rate_hz: samples per second of the sound.
        zero_seconds: the start of the file on its own clock.
        start_seconds, end_seconds: the part that is wanted, on the file's clock.
        segment_seconds: length of a piece; None: one piece, whatever its length.
        warnings: what was lost so far; emptied into each piece.

    Attributes:
        is_empty: whether no piece has been given so far.
    """

    def __init__(
        self,
        pictures: Pictures,
        sound: Sound,
        *,
        has_video: bool,
        has_audio: bool,
        rate_hz: int,
        zero_seconds: float,
        start_seconds: float,
        end_seconds: float,
        segment_seconds: float | None,
        warnings: Counter,
    ):
        self.is_empty = True
        self._pieces = 0  # that are behind
        self._needed_ticks = 0.0  # before which no piece is certain
        self._pictures, self._sound = pictures, sound
        self._is_blind = not has_video  # or its video is none: then sound alone decides
        self._has_audio = has_audio
        self._rate_hz = rate_hz
        self._zero, self._start, self._end = zero_seconds, start_seconds, end_seconds
        self._segment_seconds = segment_seconds
        self._warnings = warnings
        self._sound_origin = None

    def is_done(self) -> bool:
        """Whether everything that is wanted, or that can be expected, has come."""
        pictures, sound = self._pictures.reached_seconds, self._sound.reached_seconds
        shown = self._start if pictures is None else pictures
        if sound is not None and not self._is_blind and sound - shown > MAX_HOLD_SECONDS:
            if self._pictures.sources > 1:
                self._warnings["sound long after the last picture was left out"] += 1
                return True
            self._is_blind = True
        if math.isinf(self._end):
            return False
        reached = [
            seconds if seconds is not None else -math.inf
            for seconds, counts in ((pictures, not self._is_blind), (sound, self._has_audio))
            if counts
        ]
        return bool(reached) and (
            min(reached) > self._end or max(reached) > self._end + _MAX_INTERLEAVE_SECONDS
        )

    def is_waiting(self) -> bool:
        """Whether pictures are missing, so that `complete` would give nothing; asked after every frame."""
        return not self._is_blind and self._pictures.ticks < self._needed_ticks

    def complete(self) -> Iterator[Media]:
        """The pieces that are certain by now."""
        if self._segment_seconds is None:
            self._needed_ticks = math.inf
            return
        cut, is_certain = (
            (self._heard, self._sound_is_certain) if self._is_blind else (self._seen, self._is_certain)
        )
        while is_certain():
            yield from cut(self._bound(self._pieces), self._bound(self._pieces + 1))
        self._needed_ticks = 0.0 if self._is_blind else self._bound(self._pieces + 1.5)

    def rest(self) -> Iterator[Media]:
        """The pieces that are left at the end of the file."""
        self._pictures.close()
        self._sound.close()
        self._is_blind = self._is_blind or not self._pictures.ticks or self._is_cover()
        if self._is_blind:
            if self._sound.end_seconds is None:
                return
            self._set_sound_origin()
            total = round((min(self._sound.end_seconds, self._end) - self._sound_origin) * self._rate_hz)
            cut = self._heard
        else:
            total, cut = self._pictures.ticks, self._seen
            if self._overhang_seconds() > _MAX_OVERHANG_SECONDS:
                self._warnings["sound after the last picture was left out"] += 1
        while self._segment_seconds is not None and total >= self._bound(self._pieces + 1.5):
            yield from cut(self._bound(self._pieces), self._bound(self._pieces + 1))
        first = self._bound(self._pieces) if self._pieces else 0
        if total > first:
            yield from cut(first, total)

    def _bound(self, piece: float) -> int:
        """The tick, or without pictures the sample, at which a piece begins."""
        rate = self._rate_hz if self._is_blind else self._pictures.rate
        return round(piece * max(1.0, self._segment_seconds * rate))

    def _is_cover(self) -> bool:
        """One picture and sound that goes on without it: no film, but a cover."""
        return (
            not self._pieces
            and self._pictures.sources == 1
            and self._overhang_seconds() > _MAX_OVERHANG_SECONDS
        )

    def _overhang_seconds(self) -> float:
        """Length of the sound that is wanted and comes after the last tick."""
        if self._sound.end_seconds is None:
            return 0.0
        shown_until = self._pictures.origin + self._pictures.ticks / self._pictures.rate
        return min(self._sound.end_seconds, self._end) - shown_until

    def _set_sound_origin(self) -> None:
        if self._sound_origin is None:
            self._sound_origin = max(self._sound.first_seconds, self._start)

    def _sound_is_certain(self) -> bool:
        """Without pictures: whether the next piece has come, and half of the one after it."""
        if self._sound.end_seconds is None:
            return False
        self._set_sound_origin()
        needed = self._sound_origin + self._bound(self._pieces + 1.5) / self._rate_hz
        return min(self._sound.end_seconds, self._end) >= needed

    def _is_certain(self) -> bool:
        """The same of the pictures, and whether the sound of the piece has come, or will not."""
        if self._pictures.ticks < self._bound(self._pieces + 1.5):
            return False
        end = self._pictures.origin + self._bound(self._pieces + 1) / self._pictures.rate
        sound = self._sound.end_seconds if self._sound.end_seconds is not None else -math.inf
        return (
            not self._has_audio
            or sound >= end
            or self._pictures.reached_seconds - end > _MAX_INTERLEAVE_SECONDS
        )

    def _seen(self, first: int, last: int) -> Iterator[Media]:
        """Ticks `first` to `last`, with their sound."""
        rate, origin = self._pictures.rate, self._pictures.origin
        yield from self._media(
            frames=self._pictures.take(last - first),
            frame_rate_hz=rate,
            height=self._pictures.height,
            width=self._pictures.width,
            audio=self._sound.take(
                origin, round(first / rate * self._rate_hz), round(last / rate * self._rate_hz)
            ),
            start_seconds=origin + first / rate - self._zero,
            end_seconds=origin + last / rate - self._zero,
        )

    def _heard(self, first: int, last: int) -> Iterator[Media]:
        """Samples `first` to `last`, without pictures."""
        origin = self._sound_origin
        yield from self._media(
            frames=[],
            frame_rate_hz=0.0,
            height=0,
            width=0,
            audio=self._sound.take(origin, first, last),
            start_seconds=origin + first / self._rate_hz - self._zero,
            end_seconds=origin + last / self._rate_hz - self._zero,
        )

    def _media(self, *, frames: list, audio: np.ndarray | None, **fields) -> Iterator[Media]:
        self._pieces += 1
        if not frames and audio is None:  # the middle of a long gap between two sounds
            return
        warnings = [
            f"{what} ({count} times)" if count > 1 else what for what, count in self._warnings.items()
        ]
        self._warnings.clear()
        self.is_empty = False
        yield Media(frames=frames, audio=audio, warnings=warnings, **fields)
