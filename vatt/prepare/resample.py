"""Brings decoded frames to constant rates: pictures to the ticks of a clock, sound to samples in their place.

Both take frames one by one, in the order of the file, so that a long film never lies in memory as raw
pictures.
"""

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

_SCALING = Interpolation.AREA  # every source pixel counts, so that fine patterns do not flicker
_MAX_GAP_SECONDS = (
    0.1  # sound that jumps by more is put where its timestamps say; less is jitter of the muxer
)
_MAX_HOLD_SECONDS = 600.0  # a picture or a silence that lasts longer is a damaged timestamp, not a slow film


class Pictures:
    """Takes the frame nearest to each tick of a constant rate, scales and turns it, hands it to `keep`."""

    def __init__(self, stream, *, max_frame_rate_hz, short_side_pixels, keep, start_seconds, end_seconds):
        """`stream` may be None: then nothing is added. Times are on the file's own clock."""
        self.frames = []
        self.origin = None  # time of frame 0
        self.height = self.width = 0
        self._keep, self._short_side_pixels = keep, short_side_pixels
        self._start, self._end = start_seconds, end_seconds
        self._previous = None  # (time, frame): decided only when the next one is known
        self._scaler = VideoReformatter()
        self._made = (None, None)  # the last picture made, since a slow source repeats frames
        native = float((stream.guessed_rate or stream.average_rate or 0) if stream is not None else 0)
        self.rate = min(native, max_frame_rate_hz) if native > 0 else max_frame_rate_hz

    def add(self, frame) -> None:
        time = frame.time
        if time is None:  # raw streams without timestamps run at their nominal rate
            time = self._previous[0] + 1 / self.rate if self._previous else 0.0
        if self._previous is not None and not 0 < time - self._previous[0] < _MAX_HOLD_SECONDS:
            return
        if time < self._start - 0.5 / self.rate:
            return
        if self.origin is None:
            self.origin = time
        elif self._previous is not None:
            self._emit_until((self._previous[0] + time) / 2)
        self._previous = (time, frame)

    def done(self, frame) -> bool:
        """Whether the wanted part lies behind; sound may be interleaved up to a second later."""
        return frame.time is not None and frame.time > self._end + 1.0

    def close(self) -> None:
        """The last frame stays for its own duration."""
        if self._previous is None:
            return
        time, frame = self._previous
        duration = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 0.0
        # Without half a tick less, a rounding error of the duration would repeat the last frame.
        self._emit_until(time + max(duration, 1 / self.rate) - 0.5 / self.rate)
        self._previous = None

    def _emit_until(self, time: float) -> None:
        """Gives the previous frame to every tick before `time`."""
        while True:
            tick = self.origin + len(self.frames) / self.rate
            if tick >= min(time, self._end - 0.5 / self.rate):
                return
            self.frames.append(self._picture(self._previous[1]))

    def _picture(self, frame):
        if self._made[0] is frame:
            return self._made[1]
        scale = min(1.0, self._short_side_pixels / min(frame.width, frame.height))
        width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
        turns = round(frame.rotation / 90) % 4
        if self.frames:  # a size that changes in the middle of the stream is brought back
            width, height = (self.height, self.width) if turns % 2 else (self.width, self.height)
        # One scaler for all frames: setting one up costs more than scaling a small picture.
        array = self._scaler.reformat(
            frame, width, height, "rgb24", interpolation=_SCALING, threads=1
        ).to_ndarray()
        if turns:
            array = np.rot90(array, turns)
        self.height, self.width = array.shape[:2]
        kept = self._keep(np.ascontiguousarray(array))
        self._made = (frame, kept)
        return kept


class Sound:
    """Resamples sound to int16 pieces, each with the time of its first sample."""

    def __init__(self, *, rate_hz: int, mono: bool):
        self.pieces = []  # (start in seconds, [int16 [S, channels], ...])
        self._rate_hz, self._mono = rate_hz, mono
        self._resampler = None
        self._shape = None  # of the incoming sound: a change starts a new piece
        self._expected = 0.0  # time at which the next frame should start
        self._channels = None

    @property
    def end_seconds(self) -> float:
        start, blocks = self.pieces[-1]
        return start + sum(len(block) for block in blocks) / self._rate_hz

    def add(self, frame) -> None:
        if not frame.sample_rate or not frame.samples:
            return
        time = self._expected if frame.time is None else frame.time
        if self.pieces and abs(time - self._expected) > _MAX_HOLD_SECONDS:
            time = self._expected
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._resampler is None or shape != self._shape or abs(time - self._expected) > _MAX_GAP_SECONDS:
            self.close()
            if self._channels is None:
                self._channels = 1 if self._mono else frame.layout.nb_channels
                self._layout = "mono" if self._mono else frame.layout.name
            self._resampler = av.AudioResampler("s16", self._layout, self._rate_hz)
            self._shape = shape
            self._expected = time
            self.pieces.append((time, []))
        self._expected += frame.samples / frame.sample_rate
        frame.pts = None  # the resampler must not second-guess the timing that is kept here
        self._collect(frame)

    def close(self) -> None:
        if self._resampler is not None:
            self._collect(None)
            self._resampler = None

    def _collect(self, frame) -> None:
        for block in self._resampler.resample(frame):
            self.pieces[-1][1].append(block.to_ndarray().reshape(-1, self._channels))

    def between(self, start: float, end: float) -> np.ndarray | None:
        """int16 [S, channels] from `start` to the last sample or `end`; silence where there is a gap."""
        if not any(blocks for _, blocks in self.pieces):
            return None
        placed = [
            (round((time - start) * self._rate_hz), np.concatenate(blocks))
            for time, blocks in self.pieces
            if blocks
        ]
        samples = min(max(at + len(block) for at, block in placed), round((end - start) * self._rate_hz))
        if samples <= 0:
            return None
        sound = np.zeros((samples, self._channels), np.int16)
        for at, block in placed:
            block = block[max(0, -at) :]
            at = max(0, at)
            sound[at : at + len(block)] = block[: max(0, samples - at)]
        return sound
