"""Log-mel spectrograms of waveforms, on the device: what the spectrogram models of Table 10 read.

Step by step the release's, from Keras ops alone: a model that holds this layer takes the waveform, in
training and exported, and no spectrogram is ever stored.
"""

import math
from typing import Any

import gin
import keras
import numpy as np
from keras import ops

from vatt.layers.configured import Configured
from vatt.protocols import Tensor

# HTK's mel scale (Young et al., The HTK Book, 5.4): mel = 1127 ln(1 + f / 700).
_MEL_SCALE, _MEL_BREAK_HZ = 1127.0, 700.0
_COMPRESSION = 10_000.0  # the release's: log(1 + 10,000 · magnitude)


@gin.register
@keras.saving.register_keras_serializable("vatt")
class LogMel(Configured, keras.layers.Layer):
    """STFT (Hann, magnitude) → mel bins → log(1 + 10,000 · x) → [0, 1], each example by its own extremes.

    Args:
        sample_rate_hz: samples per second of the input.
        frame_seconds: length of a frame (Table 10: 42 ms, 2,048 samples at 48 kHz).
        step_seconds: from the start of a frame to that of the next (21 ms, 1,024 samples). There are as many
            frames as steps begin in the signal; the last are filled up with zeros.
        bins: mel bins, F.
        lowest_hz, highest_hz: where the first triangle begins and the last one ends; at most half the sample
            rate.
        normalise: whether each example's values are brought to [0, 1]; without, they are 0 or more.

    Input: float [B, S] or [B, S, 1] in [-1, 1]. Output: float [B, ⌈S / step⌉, F]; zeros for digital silence.
    """

    def __init__(
        self,
        *,
        sample_rate_hz: int = 48_000,
        frame_seconds: float = 0.04267,
        step_seconds: float = 0.02134,
        bins: int = 80,
        lowest_hz: float = 80.0,
        highest_hz: float = 7600.0,
        normalise: bool = True,
        name: str = "log_mel",
        dtype: Any = None,
    ):
        # Audio in bfloat16 has a noise floor at -54 dB, and the logarithm lifts it: float32 until the end.
        super().__init__(name=name, dtype=dtype, autocast=False)
        if not 0 <= lowest_hz < highest_hz <= sample_rate_hz / 2:
            raise ValueError(
                f"`lowest_hz` must be below `highest_hz`, and that at most half of `sample_rate_hz`. "
                f"Received: lowest_hz={lowest_hz}, highest_hz={highest_hz}, "
                f"sample_rate_hz={sample_rate_hz}. Lower `highest_hz`."
            )
        self.sample_rate_hz = sample_rate_hz
        self.frame_seconds = frame_seconds
        self.step_seconds = step_seconds
        self.bins = bins
        self.lowest_hz = lowest_hz
        self.highest_hz = highest_hz
        self.normalise = normalise
        self.frame_samples = round(frame_seconds * sample_rate_hz)
        self.step_samples = round(step_seconds * sample_rate_hz)
        if min(self.frame_samples, self.step_samples) < 1:
            raise ValueError(
                f"A frame and a step must be at least one sample. Received: frame_seconds={frame_seconds}, "
                f"step_seconds={step_seconds}, sample_rate_hz={sample_rate_hz}."
            )
        self._transform_size = 2 ** math.ceil(math.log2(self.frame_samples))
        triangles = mel_triangles(
            sample_rate_hz / self._transform_size * np.arange(self._transform_size // 2 + 1),
            bins=bins,
            lowest_hz=lowest_hz,
            highest_hz=highest_hz,
        )
        empty = int(np.sum(triangles.max(axis=0) == 0))
        if empty:
            raise ValueError(
                f"Every mel bin must hold a frequency of the transform. Received: bins={bins}, of which "
                f"{empty} hold none with frames of {self.frame_samples} samples. Take fewer bins, or longer "
                f"frames."
            )
        # Above the last triangle there is nothing to transform into.
        self.used_frequencies = int(np.flatnonzero(triangles.any(axis=1))[-1]) + 1
        self._triangles = triangles[: self.used_frequencies].astype("float32")
        # Periodic, as an STFT's is: the window of one sample more, without its last.
        self._window = np.hanning(self.frame_samples + 1)[:-1].astype("float32")

    def sizes(self, samples: int) -> tuple[int, int]:
        """Frames and bins of a signal of this number of samples."""
        return math.ceil(samples / self.step_samples), self.bins

    def build(self, input_shape: Any = None) -> None:
        pass  # nothing is learned

    def call(self, waveform: Tensor) -> Tensor:
        if len(waveform.shape) == 3:
            waveform = ops.squeeze(waveform, axis=-1)
        # So much that a frame begins at every step inside the signal, whatever its length.
        signal = ops.pad(ops.cast(waveform, "float32"), [(0, 0), (0, self.frame_samples - 1)])
        frames = ops.extract_sequences(signal, self.frame_samples, self.step_samples) * self._window
        real, imaginary = ops.rfft(frames, fft_length=self._transform_size)
        real, imaginary = real[..., : self.used_frequencies], imaginary[..., : self.used_frequencies]
        power = ops.square(real) + ops.square(imaginary)
        # The root's slope at 0 is infinite: silence is left out of it, for gradients towards the waveform.
        magnitude = ops.where(power > 0, ops.sqrt(ops.where(power > 0, power, 1.0)), 0.0)
        values = ops.log1p(_COMPRESSION * ops.matmul(magnitude, self._triangles))
        if self.normalise:
            lowest = ops.min(values, axis=(1, 2), keepdims=True)
            spread = ops.max(values, axis=(1, 2), keepdims=True) - lowest
            # Where all values are one there is nothing to spread: zeros, not 0 / 0.
            values = (values - lowest) / ops.where(spread > 0, spread, 1.0)
        return ops.cast(values, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return (input_shape[0], None if input_shape[1] is None else self.sizes(input_shape[1])[0], self.bins)


def mel_triangles(
    frequencies_hz: np.ndarray, *, bins: int, lowest_hz: float, highest_hz: float
) -> np.ndarray:
    """Weight of each frequency in each mel bin.

    The bins are triangles in mel: equally wide, each up to 1 in its middle and down to 0 where its
    neighbours' middles are.

    Args:
        frequencies_hz: frequencies of a transform, from 0 Hz up.
        bins, lowest_hz, highest_hz: see `LogMel`.

    Returns:
        float64 [frequencies, bins] in [0, 1]; the constant part (0 Hz) is in no bin.
    """
    edges = np.linspace(_mel(lowest_hz), _mel(highest_hz), bins + 2)
    mel = _mel(np.asarray(frequencies_hz, "float64"))[:, np.newaxis]
    rising = (mel - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - mel) / (edges[2:] - edges[1:-1])
    weights = np.maximum(0.0, np.minimum(rising, falling))
    weights[0] = 0.0
    return weights


def _mel(hertz):
    return _MEL_SCALE * np.log1p(np.asarray(hertz) / _MEL_BREAK_HZ)
