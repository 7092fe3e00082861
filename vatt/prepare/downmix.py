"""Several channels -> one, so that none is lost: channels of opposite sign would be silence in their sum.

The weights are those of FFmpeg's resampler (ITU-R BS.775 for surround). Channels are compared in blocks of a
tenth of a second. Where one would cancel another, because its cable or its mix has the opposite sign, it is
left out and the other takes its weight; so a tone that both of them hold stays, as loud as in one channel.
A decision stands until the two agree clearly, and changes within a hundredth of a second, without a click.
"""

import functools
from collections import Counter
from typing import Any

import av
import numpy as np
from av.error import FFmpegError

_BLOCK_SECONDS, _FADE_SECONDS = 0.1, 0.01
# Energy of the sum of two channels, as a share of their energies: 1 where they have nothing in common, 2 for
# the same in both, 0 for opposite signs. Below the first they cancel; above the second they do not any more.
_CANCELS, _AGREES = 0.2, 0.5
_QUIET = 1e-8  # mean square, -80 dB: too faint to decide by
_STAYS = 2.0  # times as much energy as the channel that was taken has another that is taken instead
_PEAK = 32_768.0


class Resampler:
    """Brings frames of audio to one rate and to one channel, or to those of a layout.

    Attributes:
        channels: of what comes out.
    """

    def __init__(self, layout: str, rate_hz: int, warnings: Counter, *, to_layout: str | None):
        """`layout` is of the frames, as FFmpeg names it, `to_layout` of what comes out; None: one channel."""
        channels = av.AudioLayout(layout).nb_channels
        is_mixed = to_layout is None and channels > 1
        self._downmix = Downmix(layout, rate_hz, warnings) if is_mixed else None
        self._kind, self._in_channels = (np.float32, channels) if is_mixed else (np.int16, None)
        made = layout if is_mixed else to_layout or "mono"
        self._resampler = av.AudioResampler("flt" if is_mixed else "s16", made, rate_hz)
        self._made_channels = av.AudioLayout(made).nb_channels
        self.channels = 1 if is_mixed else self._made_channels

    def resample(self, frame: Any) -> list[np.ndarray]:
        """int16 [S, channels] of what is complete by now; all that is left for None."""
        blocks = []
        for made in self._resampler.resample(frame):
            # As `to_ndarray`, in a third of its time; a video has fifty blocks to the second.
            values = np.frombuffer(memoryview(made.planes[0]), self._kind, made.samples * self._made_channels)
            blocks.append(values.reshape(-1, self._made_channels).copy())
        if self._downmix is not None:
            blocks = [self._downmix.add(block) for block in blocks]
            if frame is None:
                blocks.append(self._downmix.rest())
        return [block for block in blocks if len(block)]


class Downmix:
    """Takes samples of all channels, gives those of one.

    Blocks are counted from the first sample, so what comes out does not depend on how it is cut.
    """

    def __init__(self, layout: str, rate_hz: int, warnings: Counter):
        """`warnings` takes a word where channels of `layout` would have cancelled each other."""
        self._weights = mono_weights(layout)
        self._block, self._fade = round(_BLOCK_SECONDS * rate_hz), round(_FADE_SECONDS * rate_hz)
        self._warnings = warnings
        self._waiting = np.zeros((0, len(self._weights)), np.float32)
        self._cancelling = np.zeros((len(self._weights),) * 2, bool)  # pairs of channels, as last decided
        self._last = None  # weights of the last block

    def add(self, samples: np.ndarray) -> np.ndarray:
        """float32 [S, channels] -> int16 [S', 1]: all blocks that are complete by now."""
        waiting = np.concatenate([self._waiting, samples])
        complete = len(waiting) // self._block * self._block
        self._waiting = waiting[complete:]
        return _as_int16(
            [self._mixed(waiting[at : at + self._block]) for at in range(0, complete, self._block)]
        )

    def rest(self) -> np.ndarray:
        """int16 [S, 1]: what is left at the end."""
        rest, self._waiting = self._waiting, self._waiting[:0]
        return _as_int16([self._mixed(rest)] if len(rest) else [])

    def _mixed(self, block: np.ndarray) -> np.ndarray:
        weights = self._decided(block)
        mixed = block @ weights
        if self._last is not None and not np.array_equal(weights, self._last):
            fade = np.linspace(1, 0, min(self._fade, len(block)), dtype=np.float32)
            mixed[: len(fade)] += fade * (block[: len(fade)] @ (self._last - weights))
        self._last = weights
        return mixed

    def _decided(self, block: np.ndarray) -> np.ndarray:
        """float32 [channels]: what each channel counts for in this block."""
        products = (block.T @ block) / len(block)
        loudness = np.diag(products)  # mean squares
        if max(loudness[self._weights > 0]) <= _QUIET < max(loudness):
            self._warnings["audio was in a channel alone that a mix leaves out: it was taken"] = 1
            return (np.arange(len(loudness)) == np.argmax(loudness)).astype(np.float32)
        self._compare(products)
        if not self._cancelling.any():
            return self._weights
        energies = loudness * self._weights**2
        if self._last is not None:
            energies = np.where(self._last > 0, _STAYS * energies, energies)
        weights, kept = self._weights.copy(), []
        for channel in np.argsort(-energies, kind="stable"):
            opposite = next((each for each in kept if self._cancelling[each, channel]), None)
            if opposite is None:
                kept.append(channel)
            else:
                weights[opposite] += weights[channel]
                weights[channel] = 0
        self._warnings["channels of opposite sign would cancel each other: one of them was taken"] = 1
        return weights

    def _compare(self, products: np.ndarray) -> None:
        """Finds pairs that cancel each other; what can not be heard leaves the last decision standing."""
        products = products * np.outer(self._weights, self._weights)
        energies = np.diag(products)
        pairs = energies[:, None] + energies
        share = 1 + 2 * (products - np.diag(energies)) / np.maximum(pairs, 1e-30)
        is_heard = pairs > _QUIET * np.maximum(self._weights[:, None], self._weights) ** 2
        self._cancelling = np.where(
            is_heard, share < np.where(self._cancelling, _AGREES, _CANCELS), self._cancelling
        )


@functools.cache
def mono_weights(layout: str) -> np.ndarray:
    """float32 [channels]: what each channel of a layout counts for in one, with a sum of 1 at most.

    FFmpeg's resampler is asked, with one sample of each channel in turn. Where it has no way to one channel
    all count alike; of ambisonics the first is the one of all directions.
    """
    rate_hz, channels = 48_000, av.AudioLayout(layout).nb_channels
    impulses = np.zeros((256, channels), np.float32)
    impulses[np.arange(channels), np.arange(channels)] = 1
    frame = av.AudioFrame.from_ndarray(impulses.reshape(1, -1), format="flt", layout=layout)
    frame.sample_rate = rate_hz
    resampler = av.AudioResampler("s32", "mono", rate_hz)  # of integers, so that the weights are normalised
    try:
        blocks = [*resampler.resample(frame), *resampler.resample(None)]
    except (FFmpegError, ValueError):
        if layout.startswith("ambisonic"):
            return np.eye(channels, dtype=np.float32)[0]
        return np.full(channels, 1 / channels, np.float32)
    heard = np.concatenate([block.to_ndarray().reshape(-1) for block in blocks])
    return (heard[:channels] / 2.0**31).astype(np.float32)


def _as_int16(mixed: list[np.ndarray]) -> np.ndarray:
    if not mixed:
        return np.zeros((0, 1), np.int16)
    samples = np.concatenate(mixed) * _PEAK
    return np.clip(np.rint(samples), -_PEAK, _PEAK - 1).astype(np.int16)[:, None]
