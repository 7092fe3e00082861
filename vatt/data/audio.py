"""The audio of a clip: the samples from the clip's first instant on, as one channel at the wanted rate."""

import math

import numpy as np
import tensorflow as tf

from vatt.data import window
from vatt.protocols import Tensor

# The low-pass of a change of rate: a Kaiser-windowed sinc that passes up to 0.9 of the lower of the two
# Nyquist frequencies and is 80 dB down at it, below the noise of most recordings (16-bit quantisation is at
# 98 dB).
_STOPBAND_DECIBELS = 80.0
_PASSBAND = 0.9
# Energy of the sum of all channels as a share of theirs below which they cancel: 1 with nothing in common. As
# `vatt.prepare.downmix` has it, for records that keep their channels.
_CANCELS = 0.2
_BLOCK = 32  # output samples of one product with the filter bank: enough for an efficient matrix product


class Resampler:
    """Changes the sample rate by any rational factor, with a linear-phase (symmetric, delay-free) low-pass.

    Output sample j is the band-limited signal at time j / target_hz. A block of outputs is one product of the
    inputs around it with a fixed matrix (a polyphase filter bank), so the whole is a strided one-dimensional
    convolution.

    Args:
        source_hz, target_hz: samples per second before and after.
        samples: outputs wanted, S.

    Attributes:
        lead: input samples wanted before the first output's instant.
        inputs: input samples wanted in all, from `lead` before that instant on.
    """

    def __init__(self, source_hz: int, target_hz: int, samples: int):
        self.samples = samples
        self.lead, self.inputs, self._filters = 0, samples, None
        if source_hz == target_hz:
            return
        import scipy.signal  # 60 MB, of which sets at the clips' own rate have no need

        divisor = math.gcd(source_hz, target_hz)
        up, down = target_hz // divisor, source_hz // divisor
        # Designed at the rate source_hz * up, where inputs stand every `up` places and outputs every `down`.
        taps, beta = scipy.signal.kaiserord(_STOPBAND_DECIBELS, (1 - _PASSBAND) / max(up, down))
        taps |= 1  # odd: a tap in the middle, hence no delay of half a sample
        response = up * scipy.signal.firwin(
            taps, (1 + _PASSBAND) / 2 / max(up, down), window=("kaiser", beta)
        )
        half = taps // 2

        repeat = -(-_BLOCK // up)
        outputs, self._stride = up * repeat, down * repeat
        self.lead = half // up
        rows = self.lead + (half + (outputs - 1) * down) // up + 1
        place = down * np.arange(outputs) - up * (np.arange(rows)[:, np.newaxis] - self.lead) + half
        inside = (place >= 0) & (place < taps)
        bank = np.where(inside, response[np.clip(place, 0, taps - 1)], 0.0)
        self._filters = bank[:, np.newaxis, :].astype(np.float32)  # [rows, 1, outputs]
        self.inputs = (-(-samples // outputs) - 1) * self._stride + rows

    def __call__(self, signal: Tensor) -> Tensor:
        """float32 [inputs] in [-1, 1] -> float32 [samples] in [-1, 1]."""
        if self._filters is None:
            return signal
        blocks = tf.nn.conv1d(signal[tf.newaxis, :, tf.newaxis], self._filters, self._stride, "VALID")
        # A band-limited signal may rise above the samples it passes through; the batch promises [-1, 1].
        return tf.clip_by_value(tf.reshape(blocks, [-1])[: self.samples], -1.0, 1.0)


def _slice_padded(signal, start, length):
    """`signal[start : start + length]` along axis 0, zeros where that is outside; `length` is no tensor."""
    available = tf.shape(signal)[0]
    first, last = tf.clip_by_value(start, 0, available), tf.clip_by_value(start + length, 0, available)
    before = tf.clip_by_value(-start, 0, length)
    part = signal[first:last]
    after = length - before - (last - first)
    return tf.pad(part, tf.concat([[[before, after]], tf.zeros([tf.rank(part) - 1, 2], tf.int32)], axis=0))


def clip_audio(
    record: dict[str, Tensor], start_seconds: Tensor, resampler: Resampler, *, source_hz: int
) -> tuple[Tensor, Tensor]:
    """The audio of a clip.

    Channels are averaged; where they cancel each other, as of opposite sign, the loudest is taken. Past the
    record's end there are zeros.

    Args:
        record: what `vatt.data.parse` returns.
        start_seconds: float64 scalar, when the clip begins.
        resampler: from `source_hz` to the clip's rate.
        source_hz: rate of every record of the set that has audio.

    Returns:
        float32 [S] in [-1, 1] and a float32 scalar, its mask: 0 where the stretch is absent or digital
        silence.
    """
    start = tf.cast(tf.round(start_seconds * float(source_hz)), tf.int32) - resampler.lead
    channels = tf.cast(record["channels"], tf.int32)
    pcm16 = tf.reshape(tf.io.decode_raw(record["pcm16"], tf.int16, little_endian=True), [-1, channels])
    pcm16 = tf.cast(_slice_padded(pcm16, start, resampler.inputs), tf.float32)
    floats = _slice_padded(record["floats"], start, resampler.inputs)
    # One of the two is empty, that is, zeros here.
    signal = _mono(pcm16) / 32768.0 + tf.clip_by_value(floats, -1.0, 1.0)
    signal = tf.ensure_shape(signal, [resampler.inputs])

    audible = tf.reduce_any(signal[resampler.lead :] != 0)
    mask = tf.cast(audible, tf.float32)
    return resampler(signal) * mask, mask


def _mono(samples):
    """float32 [S, channels] -> [S]; by one decision for the clip."""
    energies = tf.reduce_sum(tf.square(samples), axis=0)
    total = tf.reduce_sum(samples, axis=1)
    cancels = tf.reduce_sum(tf.square(total)) < _CANCELS * tf.reduce_sum(energies)
    loudest = tf.gather(samples, tf.argmax(energies), axis=1)
    return tf.where(cancels, loudest, total / tf.cast(tf.shape(samples)[1], tf.float32))


def add_noise(signal: Tensor, key: Tensor, *, share_of_peak: float) -> Tensor:
    """Gaussian noise added to a signal, float32 [S] in [-1, 1] before and after, as the release adds it: with
    a standard deviation of some share of the clip's peak (the release's is 0.01). What is beyond is
    clipped, which the release does not; silence stays silence.
    """
    deviation = share_of_peak * tf.reduce_max(tf.abs(signal))
    noise = tf.random.stateless_normal(tf.shape(signal), window.draw_key(key, window.NOISE_DRAW))
    return tf.clip_by_value(signal + deviation * noise, -1.0, 1.0)
