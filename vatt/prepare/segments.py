"""Cuts the streams of a file into pieces that begin on a frame, with audio from that instant to the sample.

A piece leaves as soon as it is certain: when half a piece more has come, so that the last one is never
shorter than half, and when the audio has come as far, or will not. So one or two pieces are in memory, of a
video of any length.
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from vatt.prepare.resample import AudioTrack, VideoTrack
from vatt.prepare.source import Source

RANGE_ENDS = "the range ends"  # begins the warning of one past the end of its file
_MAX_INTERLEAVE_SECONDS = 10.0  # one stream may come this much later in the file; FFmpeg's own muxing limit
_BLIND_SECONDS = 600.0  # of audio without a frame, or with one image next to it: an audio file
_PADDING_SECONDS = 0.1  # by which streams begin and end apart, as codecs fill blocks: not worth a word
_MAX_OVERHANG_SECONDS = 1.0  # by which one stream may begin or end apart, where nothing is lost: the same


@dataclasses.dataclass(frozen=True, kw_only=True)
class MediaOptions:
    """What to decode."""

    max_frame_rate_hz: float = 25.0  # frames are kept at the file's own rate up to this one
    # frames are scaled down (never up) so that their short side has this many pixels
    short_side_pixels: int = 256
    audio_rate_hz: int = 48_000  # samples per second of the audio
    mono: bool = True  # mix all channels into one; otherwise they stay as they are


@dataclasses.dataclass
class Media:
    """One decoded file or a part of it."""

    frames: list  # whatever `keep` made of each frame, at `frame_rate_hz`; empty without video
    frame_rate_hz: float  # constant; 0.0 without video
    # of the frames, in pixels; 0 without video
    height: int
    width: int
    audio: np.ndarray | None  # int16 [S, channels]; sample 0 is the instant of frame 0. None without audio.
    start_seconds: float  # where frame 0 (or, without video, sample 0) is, in seconds from the file's start
    end_seconds: float  # where the last frame (or sample) ends, likewise
    warnings: list[str]  # what was lost, in words


class Cutter:
    """Takes the frames of an open file, gives them piece by piece; a piece of nothing is left out.

    Args:
        source: the file.
        options: rates and sizes.
        keep: as in `read_segments`.
        segment_seconds: length of a piece; None: one piece, whatever its length.
        warnings: what was lost so far; emptied into each piece.

    Attributes:
        is_empty: whether no piece has been given so far.
    """

    def __init__(
        self,
        source: Source,
        options: MediaOptions,
        keep: Callable[[np.ndarray], Any],
        segment_seconds: float | None,
        warnings: Counter,
    ):
        self.is_empty = True
        self._pieces = 0  # that are behind
        self._needed_ticks = 0.0  # before which no piece is certain
        self._source, self._span = source, source.span
        self._rate_hz = options.audio_rate_hz
        self._segment_seconds = segment_seconds
        self._warnings = warnings
        self._audio_origin: Any = None
        self._has_heard = False
        # Whether there is no video, or what there is of it is none: then the audio alone decides.
        self._is_blind = source.video is None
        self._video = VideoTrack(
            source.video,
            max_frame_rate_hz=options.max_frame_rate_hz,
            short_side_pixels=options.short_side_pixels,
            keep=keep,
            start_seconds=self._span.start_seconds,
            end_seconds=self._span.last_seconds,
            warnings=warnings,
        )
        self._audio = AudioTrack(
            rate_hz=options.audio_rate_hz,
            mono=options.mono,
            start_seconds=self._span.start_seconds,
            warnings=warnings,
        )

    def add(self, stream: Any, frame: Any) -> None:
        """Takes a frame of one of the two streams."""
        if stream is self._source.audio:
            self._audio.add(frame)
        elif not self._is_blind:
            self._video.add(frame)

    @property
    def reached_seconds(self) -> float | None:
        """Where in the file ends what has come of it, in seconds from its start; None if nothing has."""
        ends = [each for each in (self._video_end(), self._audio.reached_seconds) if each is not None]
        return max(ends) - self._span.zero_seconds if ends else None

    @property
    def heard_seconds(self) -> float:
        """Length of the audio that has come of the part that is wanted."""
        heard = self._audio.reached_seconds
        return 0.0 if heard is None else max(0.0, heard - self._span.start_seconds)

    def is_done(self) -> bool:
        """Whether everything that is wanted, or that can be expected, has come."""
        video, audio = self._video.reached_seconds, self._audio.reached_seconds
        shown = self._span.start_seconds if video is None else video
        if audio is not None and not self._is_blind and audio - shown > _BLIND_SECONDS:
            self._is_blind = video is None or self._is_one_image()
        reached = [
            seconds if seconds is not None else -math.inf
            for seconds, counts in ((video, not self._is_blind), (audio, self._source.audio is not None))
            if counts
        ]
        end = self._span.last_seconds
        return bool(reached) and (min(reached) > end or max(reached) > end + _MAX_INTERLEAVE_SECONDS)

    def is_waiting(self) -> bool:
        """Whether frames are missing, so that `complete` would give nothing; asked after every frame."""
        return not self._is_blind and self._stood_ticks() < self._needed_ticks

    def _stood_ticks(self) -> float:
        """Ticks that have their frame, or would if the last frame stood for as long as audio has come."""
        video, until = self._video, self._stands_until()
        if until is None or video.origin is None:
            return video.ticks
        return max(video.ticks, (until - video.origin) * video.rate)

    def _stands_until(self) -> float | None:
        """Time before which no other frame is expected, since so much audio has come; None if not known."""
        heard = self._audio.reached_seconds
        if heard is None or self._video.reached_seconds is None or self._is_one_image():
            return None
        return heard - _MAX_INTERLEAVE_SECONDS

    def _is_one_image(self) -> bool:
        """Whether the video is one image so far that may be a cover."""
        return self._source.may_be_cover and not self._pieces and self._video.sources <= 1

    def complete(self) -> Iterator[Media]:
        """The pieces that are certain by now."""
        if self._segment_seconds is None:
            self._needed_ticks = math.inf
            return
        until = self._stands_until()
        reached = self._video.reached_seconds
        if not self._is_blind and until is not None and reached is not None and until > reached:
            self._video.stand(until)
        cut, is_certain = (
            (self._heard, self._audio_is_certain) if self._is_blind else (self._seen, self._is_certain)
        )
        while is_certain():
            yield from cut(self._bound(self._pieces), self._bound(self._pieces + 1))
        self._needed_ticks = 0.0 if self._is_blind else self._bound(self._pieces + 1.5)

    def rest(self) -> Iterator[Media]:
        """The pieces that are left at the end of the file."""
        self._audio.close()
        if not self._is_blind:
            self._close_video()
        self._say_how_it_ends()
        if self._is_blind:
            if self._audio.end_seconds is None:
                return
            self._set_audio_origin()
            heard = min(self._audio.end_seconds, self._span.last_seconds) - self._audio_origin
            total, cut = round(heard * self._rate_hz), self._heard
        else:
            total, cut = self._video.ticks, self._seen
        while self._segment_seconds is not None and total >= self._bound(self._pieces + 1.5):
            yield from cut(self._bound(self._pieces), self._bound(self._pieces + 1))
        first = self._bound(self._pieces) if self._pieces else 0
        if total > first:
            yield from cut(first, total)

    def _bound(self, piece: float) -> int:
        """The tick, or without video the sample, at which a piece begins."""
        rate = self._rate_hz if self._is_blind else self._video.rate
        return round(piece * max(1.0, (self._segment_seconds or 0.0) * rate))

    def _video_end(self) -> float | None:
        """Where the video ends by itself; None without any.

        Where a container gives a frame no duration FFmpeg takes the average of all, which may be longer than
        the file.
        """
        end, reached = self._video.end_seconds, self._video.reached_seconds
        stated = self._span.stated_end_seconds
        return end if end is None or reached is None or stated <= reached else min(end, stated)

    def _close_video(self) -> None:
        """The last frame stands as long as the audio goes on, unless it is a cover."""
        end = self._video_end()
        if end is None:
            self._is_blind = True
            return
        heard = self._audio.end_seconds
        overhang = -math.inf if heard is None else min(heard, self._span.last_seconds) - end
        if overhang > _MAX_OVERHANG_SECONDS and self._is_one_image():
            self._is_blind = True
            return
        self._video.close(heard if heard is not None and overhang > _PADDING_SECONDS else end)
        self._is_blind = not self._video.ticks
        stood = overhang - max(0.0, self._span.start_seconds - end)
        if not self._is_blind and stood > max(_MAX_OVERHANG_SECONDS, self._video.longest_seconds):
            self._warnings[f"the video ends {stood:.1f} s before the audio: its last frame stands"] += 1

    def _say_how_it_ends(self) -> None:
        span, reached = self._span, self.reached_seconds
        if self._source.video is not None and self._video.reached_seconds is None:
            self._warnings["the video has no frame that decodes"] += 1
        if reached is None:
            return
        left = reached + span.zero_seconds - span.start_seconds
        slack = _PADDING_SECONDS + (0.0 if self._is_blind else 1 / self._video.rate)
        if not math.isinf(span.end_seconds) and 0 < left < span.end_seconds - span.start_seconds - slack:
            end = span.end_seconds - span.zero_seconds
            self._warnings[
                f"{RANGE_ENDS} at {end:.1f} s, the file at {reached:.1f} s: {left:.1f} s of it are left"
            ] += 1
        if span.last_seconds < span.end_seconds and left > span.most_seconds:
            self._warnings[
                f"a file of so few bytes may last {span.most_seconds / 3600:.1f} hours; the rest was left out"
            ] += 1
        if self._is_blind and self._video.sources and not self._is_one_image():
            self._warnings["the frames behind a long audio without any were left out"] += 1

    def _say_how_it_begins(self) -> None:
        """Asked of each piece of frames, until audio has come."""
        first = self._audio.first_seconds
        if self._has_heard or first is None:
            return
        self._has_heard = True
        late = max(first, self._span.start_seconds) - self._video.origin
        if late < -_PADDING_SECONDS:
            self._warnings[f"{-late:.1f} s of audio before the first frame were left out"] += 1
        if late > _MAX_OVERHANG_SECONDS:
            self._warnings[f"the audio begins {late:.1f} s after the first frame: silence until then"] += 1

    def _set_audio_origin(self) -> None:
        first = self._audio.first_seconds
        if self._audio_origin is None and first is not None:
            self._audio_origin = max(first, self._span.start_seconds)

    def _audio_is_certain(self) -> bool:
        """Without frames: whether the next piece has come, and half of the one after it."""
        if self._audio.end_seconds is None:
            return False
        self._set_audio_origin()
        needed = self._audio_origin + self._bound(self._pieces + 1.5) / self._rate_hz
        return min(self._audio.end_seconds, self._span.last_seconds) >= needed

    def _is_certain(self) -> bool:
        """The same of the frames, and whether the audio of the piece has come, or will not."""
        if self._video.ticks < self._bound(self._pieces + 1.5):
            return False
        end = self._video.origin + self._bound(self._pieces + 1) / self._video.rate
        audio = self._audio.end_seconds if self._audio.end_seconds is not None else -math.inf
        is_late = self._video.reached_seconds - end > _MAX_INTERLEAVE_SECONDS
        return self._source.audio is None or audio >= end or is_late

    def _seen(self, first: int, last: int) -> Iterator[Media]:
        """Ticks `first` to `last`, with their audio."""
        self._say_how_it_begins()
        rate, origin = self._video.rate, self._video.origin
        yield from self._media(
            frames=self._video.take(last - first),
            frame_rate_hz=rate,
            height=self._video.height,
            width=self._video.width,
            audio=self._audio.take(
                origin, round(first / rate * self._rate_hz), round(last / rate * self._rate_hz)
            ),
            start_seconds=origin + first / rate - self._span.zero_seconds,
            end_seconds=origin + last / rate - self._span.zero_seconds,
        )

    def _heard(self, first: int, last: int) -> Iterator[Media]:
        """Samples `first` to `last`, without video."""
        origin = self._audio_origin
        yield from self._media(
            frames=[],
            frame_rate_hz=0.0,
            height=0,
            width=0,
            audio=self._audio.take(origin, first, last),
            start_seconds=origin + first / self._rate_hz - self._span.zero_seconds,
            end_seconds=origin + last / self._rate_hz - self._span.zero_seconds,
        )

    def _media(self, *, frames: list, audio: np.ndarray | None, **fields) -> Iterator[Media]:
        self._pieces += 1
        if not frames and audio is None:  # the middle of a long gap between two stretches of audio
            return
        warnings = [
            f"{what} ({count} times)" if count > 1 else what for what, count in self._warnings.items()
        ]
        self._warnings.clear()
        self.is_empty = False
        yield Media(frames=frames, audio=audio, warnings=warnings, **fields)
