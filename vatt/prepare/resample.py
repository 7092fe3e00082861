"""Brings decoded frames to constant rates: frames to the ticks of a clock, audio to samples in their place.

Both take frames one by one, in the order of the file, and give away what is complete, so that a long video
is never in memory. Every position is computed from the origin, the instant of frame 0, and rounded once:
over hours nothing drifts.
"""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import av
import numpy as np
from av.error import FFmpegError

from vatt.prepare.container import FrameClock, FrameError, frame_time
from vatt.prepare.downmix import Resampler
from vatt.prepare.packet_times import UNSTATED, is_pause
from vatt.prepare.scale import FrameScaler

# Slower video has ticks between its frames, so that a slide that comes at any time is shown from then on.
_SLOW_HZ = 10.0
_ROUNDING_SECONDS = 1e-6  # of times as floats
# Audio that jumps by more is put where its timestamps say; less is jitter of the muxer ...
_MAX_GAP_SECONDS = 0.1
# ... unless it is off by this much on the average of a second: then the clock of the audio runs differently.
_MAX_DRIFT_SECONDS = 0.02
_SILENT_GAP_SECONDS = 1.0  # of audio, which are worth a word
_WAIT_SECONDS = 0.25  # of audio are resampled at a time: fifty calls a second cost more than their work


class VideoTrack:
    """Takes the last frame that is not later than each tick of a constant rate, hands its frame to `keep`.

    A frame that stands, or is repeated to the pixel, is kept once: all its ticks hold the same object.

    Attributes:
        rate: ticks per second.
        origin: time of tick 0 in seconds on the file's clock; None before the first frame.
        ticks: ticks that have got their frame so far.
        sources: frames of the file that were used so far.
        longest_seconds: that any frame stood before the next one came.
        height, width: of the frames, in pixels; 0 before the first.
    """

    def __init__(
        self,
        stream: Any,
        *,
        max_frame_rate_hz: float,
        short_side_pixels: int,
        keep: Callable[[np.ndarray], Any],
        start_seconds: float,
        end_seconds: float,
        warnings: Counter,
    ):
        """`stream` may be None: then nothing is added. Times are on the file's own clock."""
        self.origin: Any = None
        self.ticks = self.sources = 0
        self.longest_seconds = 0.0
        self._frames = []  # of the last ticks: what was not taken yet
        self._keep = keep
        self._start, self._end = start_seconds, end_seconds
        self._warnings = warnings
        self._before = None  # the last frame before the start: it stands there still if the next comes late
        self._previous: Any = None  # (time, frame): it stands until the next one
        self._made = (None, None, None)  # the last frame that was needed, its image, what was kept of it
        self.rate, self._native_rate = _tick_rate(stream, max_frame_rate_hz)
        self._rounding = _rounding_seconds(stream, self.rate)
        self._clock = FrameClock(stream)
        self._unstated = 0  # frames in a row whose times the file does not state
        self._has_paused = False
        self._scaler = FrameScaler(stream, short_side_pixels, warnings)

    @property
    def height(self) -> int:
        return self._scaler.height

    @property
    def width(self) -> int:
        return self._scaler.width

    @property
    def reached_seconds(self) -> float | None:
        """Time of the last frame that came; None before the first."""
        known = self._previous or self._before
        return None if known is None else known[0]

    @property
    def end_seconds(self) -> float | None:
        """Time at which the last frame that came ends by its own duration; None before the first."""
        known = self._previous or self._before
        if known is None:
            return None
        time, frame = known
        duration = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 0.0
        return time + (duration or 1 / self._native_rate)

    def add(self, frame: Any) -> None:
        time = self._clock.time(frame)
        known = self._previous or self._before
        if time is None:  # raw streams without timestamps run at their nominal rate
            time = known[0] + 1 / self._native_rate if known else 0.0
        if known is not None and time <= known[0]:
            self._warnings["a frame out of the order of time was skipped"] += 1
            return
        self._doubt(known is not None and is_pause(time - known[0], self._native_rate))
        if time < self._start - 0.5 / self.rate:
            self._before = (time, frame)
            return
        self._stand_until(time)
        if self.origin is None:
            self.origin = time
        elif self._previous is not None:
            self.longest_seconds = max(self.longest_seconds, time - self._previous[0])
        self._previous = (time, frame)
        self.sources += 1

    def _doubt(self, has_paused: bool) -> None:
        """Warns that frames before a pause may belong into it, as nothing states their times."""
        self._has_paused |= has_paused
        if has_paused and self._unstated:
            self._warnings[UNSTATED] += self._unstated
        self._unstated = 0 if self._clock.is_stated else self._unstated + 1

    def stand(self, until: float) -> None:
        """The last frame stands until a time at least: no other will come before that."""
        self._stand_until(until)

    def close(self, until: float) -> None:
        """The last frame stands until the end; one alone has one tick at least."""
        self._doubt(self._has_paused)
        # A tick of which less than half is left would repeat the last frame.
        self._stand_until(until - 0.5 / self.rate)
        if self._previous is not None and not self.ticks:
            self._emit_until(self.origin + 0.5 / self.rate)

    def take(self, count: int) -> list:
        """The next `count` of the ticks that have got their frame."""
        taken, self._frames = self._frames[:count], self._frames[count:]
        return taken

    def _stand_until(self, time: float) -> None:
        """Gives the last frame to every tick before `time`; it may be one from before the start."""
        if self.origin is None and self._before is not None and time > self._start + 0.5 / self.rate:
            self._previous = (self._start, self._before[1])
            self.origin, self.sources = self._start, 1
        if self._previous is not None:
            self._emit_until(time)

    def _emit_until(self, time: float) -> None:
        limit = min(time - self._rounding, self._end - 0.5 / self.rate)
        while self.origin + self.ticks / self.rate < limit:
            self._frames.append(self._kept(self._previous[1]))
            self.ticks += 1

    def _kept(self, frame):
        if self._made[0] is not frame:
            image = self._scaler.image(frame)
            is_repeat = self._made[1] is not None and np.array_equal(image, self._made[1])
            self._made = (frame, image, self._made[2] if is_repeat else self._keep(image))
        return self._made[2]


def _tick_rate(stream, max_frame_rate_hz: float) -> tuple[float, float]:
    """(ticks per second, frames per second that a stream declares)."""
    native = float((stream.guessed_rate or stream.average_rate or 0) if stream is not None else 0)
    if not native > 0:
        return max_frame_rate_hz, max_frame_rate_hz
    if native < _SLOW_HZ:
        multiple = max(math.floor(max_frame_rate_hz / native * (1 + 1e-9)), 1)
        return min(multiple * native, max_frame_rate_hz), native
    return min(native, max_frame_rate_hz), native


def _rounding_seconds(stream, rate_hz: float) -> float:
    """By how much a frame may seem to come after its tick because the file rounds times.

    A tick that its unit of time can express is exact. Others, as those of 30 Hz in milliseconds, are off by
    up to one unit: a half for the frame, a half for the origin.
    """
    unit = float(stream.time_base or 0) if stream is not None else 0.0
    if not unit:
        return _ROUNDING_SECONDS
    units = 1 / (rate_hz * unit)
    is_exact = abs(units - round(units)) < 1e-6 * units
    return _ROUNDING_SECONDS + (0.0 if is_exact else min(unit, 0.25 / rate_hz))


class AudioTrack:
    """Resamples audio to int16 blocks and knows the time of each.

    Attributes:
        reached_seconds: time up to which audio has come, on the file's clock; None before the first.
    """

    def __init__(self, *, rate_hz: int, mono: bool, start_seconds: float, warnings: Counter):
        """Audio well before `start_seconds` is not kept."""
        self.reached_seconds = None
        self._rate_hz, self._mono = rate_hz, mono
        self._start = start_seconds
        self._warnings = warnings
        self._blocks = []  # (start of its piece in seconds, samples from there, int16 [S, channels])
        self._resampler: Any = None
        self._shape: Any = None  # of the incoming audio: a change starts a new piece
        self._piece_seconds = 0.0  # where the piece that is being resampled starts
        self._samples_in = self._samples_out = 0  # of that piece
        self._drift_seconds = 0.0  # what timestamps and number of samples differ by, averaged over a second
        self._end = None  # time at which the last block ends
        self._taken_until = -np.inf  # what is before was given away
        self._channels, self._layout = 1, None  # of what comes out; one channel has no layout
        self._skip = 0  # samples of the piece whose place in time is taken

    @property
    def first_seconds(self) -> float | None:
        """Time of the first sample that is kept; None without any."""
        return self._blocks[0][0] + self._blocks[0][1] / self._rate_hz if self._blocks else None

    @property
    def end_seconds(self) -> float | None:
        """Time at which the last sample ends that has come; None without any."""
        return self._end

    def add(self, frame: Any) -> None:
        if not frame.sample_rate or not frame.samples:
            return
        time, expected = frame_time(frame), self._expected_seconds()
        if time is None:
            time = expected
        seconds = frame.samples / frame.sample_rate
        if time + seconds < self._start - _MAX_GAP_SECONDS:
            self.reached_seconds = time + seconds
            return
        if time + seconds < self._taken_until:
            self._warnings["audio that came too late in the file was left out"] += 1
            return
        late = time - expected
        self._drift_seconds += (late - self._drift_seconds) * min(1.0, seconds)
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        jumps = abs(late) > _MAX_GAP_SECONDS or abs(self._drift_seconds) > _MAX_DRIFT_SECONDS
        if self._resampler is None or shape != self._shape or jumps:
            self._begin_piece(frame, time, shape)
        self._samples_in += frame.samples
        self.reached_seconds = self._expected_seconds()
        frame.pts = None  # frames are put together, whatever their timestamps say of each other
        self._collect(frame)

    def _expected_seconds(self) -> float:
        """Where the next frame starts if nothing is missing."""
        if self._shape is None:
            return self.reached_seconds or 0.0
        return self._piece_seconds + self._samples_in / self._shape[2]

    def _begin_piece(self, frame, time: float, shape: tuple) -> None:
        self.close()
        if self._layout is None and not self._mono:
            self._layout = frame.layout.name
        self._resampler = Resampler(frame.layout.name, self._rate_hz, self._warnings, to_layout=self._layout)
        self._channels = self._resampler.channels
        self._waiting = av.AudioFifo()
        self._shape = shape
        self._piece_seconds, self._samples_in, self._samples_out = time, 0, 0
        # What came first stays.
        overlap = 0.0 if self._end is None else self._end - time
        self._skip = max(0, round(overlap * self._rate_hz))
        if -overlap > _SILENT_GAP_SECONDS:
            self._warnings["the audio has a gap of more than a second: silence until it continues"] += 1
        if overlap > _MAX_GAP_SECONDS:
            self._warnings["audio whose place in time was taken already was left out"] += 1
        self._drift_seconds = 0.0

    def close(self) -> None:
        if self._resampler is not None:
            self._pass_on()
            self._resample(None)
            self._resampler = None

    def _collect(self, frame) -> None:
        try:
            self._waiting.write(frame)
        except (FFmpegError, ValueError) as error:
            raise FrameError(f"audio {self._shape} can not be read: {error}") from error
        if self._waiting.samples >= _WAIT_SECONDS * self._shape[2]:
            self._pass_on()

    def _pass_on(self) -> None:
        """Gives the resampler what waits for it."""
        if self._resampler is not None and self._waiting.samples:
            frame: Any = self._waiting.read()
            frame.pts = None  # the resampler must not second-guess the timing that is kept here
            self._resample(frame)

    def _resample(self, frame) -> None:
        try:
            blocks = self._resampler.resample(frame)
        except (FFmpegError, ValueError) as error:
            raise FrameError(f"audio {self._shape} can not be resampled: {error}") from error
        for samples in blocks:
            skipped = min(self._skip, len(samples))
            self._skip -= skipped
            if skipped < len(samples):
                self._blocks.append((self._piece_seconds, self._samples_out + skipped, samples[skipped:]))
            self._samples_out += len(samples)
            end = self._piece_seconds + self._samples_out / self._rate_hz
            self._end = end if self._end is None else max(self._end, end)

    def take(self, origin: float, first: int, last: int) -> np.ndarray | None:
        """int16 [S, channels]: samples `first` to `last` as counted from the instant `origin`.

        It ends where the last audio that has come ends; gaps are silence; None without any audio in it. What
        is before `last` is given away: the next call starts there.
        """
        self._pass_on()
        found, kept = [], []
        end = first
        for piece_seconds, offset, samples in self._blocks:
            at = round((piece_seconds - origin) * self._rate_hz) + offset - first
            end = max(end, at + first + len(samples))
            if at < last - first and at + len(samples) > 0:
                found.append((at, samples))
            if at + len(samples) > last - first:
                kept.append((piece_seconds, offset, samples))
        self._blocks = kept
        self._taken_until = origin + last / self._rate_hz
        if not found:
            return None
        audio = np.zeros((min(end, last) - first, self._channels), np.int16)
        for at, samples in found:
            samples = samples[max(0, -at) :]
            at = max(0, at)
            audio[at : at + len(samples)] = samples[: max(0, len(audio) - at)]
        return audio
