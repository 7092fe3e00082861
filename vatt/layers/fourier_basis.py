"""A patch map of a waveform whose log energies start as those of a short-time Fourier transform."""

from collections.abc import Sequence
from typing import Any

import gin
import keras
import numpy as np
from keras import ops


@gin.register
@keras.saving.register_keras_serializable("vatt")
class FourierBasis(keras.initializers.Initializer):
    """A Keras initializer of a waveform's patch map: `WaveformTokenizer.patch_initializer = @FourierBasis()`.

    The last columns, whose squares are added in pairs, are a cosine and a sine under a Hann window, of norm
    1, at frequencies evenly spaced between 0 and half the sample rate. (At random, each pair passes all
    frequencies alike and hears little but loudness.) Those in front of them, the linear features, are drawn
    as Glorot's.

    Args:
        energy_share: that of the tokenizer, in (0, 1].

    Call: the kernel's shape (samples, 1, D + energies) -> its values.
    """

    def __init__(self, energy_share: float = 0.5) -> None:
        if not 0 < energy_share <= 1:
            raise ValueError(
                f"`energy_share` must be in (0, 1]. Received: {energy_share}. Without energies there is "
                "nothing to start: leave the initializer out."
            )
        self.energy_share = energy_share

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        samples, channels, columns = shape
        if channels != 1:
            raise ValueError(f"A waveform has one channel. Received: a kernel of shape {tuple(shape)}.")
        pairs = columns - round(columns / (1 + self.energy_share))
        times = np.arange(samples) + 0.5
        cycles = np.arange(1, pairs + 1) / (2 * pairs + 2)  # a sample
        phases = 2 * np.pi * np.outer(times, cycles)
        basis = np.concatenate([np.cos(phases), np.sin(phases)], axis=1)
        basis *= np.square(np.sin(np.pi * times / samples))[:, np.newaxis]
        basis /= np.linalg.norm(basis, axis=0)
        dtype = dtype or keras.config.floatx()
        linear = keras.initializers.GlorotUniform()((samples, columns - 2 * pairs), dtype=dtype)
        return ops.concatenate([linear, ops.convert_to_tensor(basis, dtype=dtype)], axis=1)[:, None]

    def get_config(self) -> dict[str, float]:
        return {"energy_share": self.energy_share}
