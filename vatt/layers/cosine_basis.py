"""A patch map that starts as the lowest functions of a discrete cosine transform, in luma and chroma."""

from collections.abc import Sequence
from typing import Any

import gin
import keras
import numpy as np
from keras import ops

# Luma and two chromas of (red, green, blue): orthonormal rows.
LUMA_CHROMA = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])


@gin.register
@keras.saving.register_keras_serializable("vatt")
class CosineBasis(keras.initializers.Initializer):
    """A Keras initializer of a patch map: `VoxelTokenizer.patch_initializer = @CosineBasis()`.

    Column i is the i-th function of the orthonormal DCT-II over the patch, in luma or chroma where the signal
    has three channels. They come in the order of their frequency, the length of the vector of half periods
    along the axes, luma first; columns behind the last function are zeros. Neighbouring pixels of natural
    signals are alike, so low functions hold most of a patch; weights that grow with the frequency even their
    variances out.

    Args:
        power: column weights are (1 + frequency)^power.
        gain: root mean square of the columns' norms.

    Call: the kernel's shape (*patch, channels, D) -> its values.
    """

    def __init__(self, power: float = 0.5, gain: float = 1.0) -> None:
        self.power = power
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        *patch, channels, width = shape
        colours = LUMA_CHROMA if channels == 3 else np.eye(channels)
        steps = np.stack(np.meshgrid(*map(np.arange, patch), indexing="ij"), axis=-1)
        steps = steps.reshape(-1, len(patch)).repeat(channels, axis=0)
        colour = np.tile(np.arange(channels), len(steps) // channels)
        frequency = np.sqrt(np.sum(np.square(steps), axis=-1))
        chosen = np.lexsort((np.arange(len(steps)), colour, frequency))[:width]
        kernel = np.zeros((*patch, channels, width))
        for column, index in enumerate(chosen):
            function = colours[colour[index]]
            for size, step in zip(reversed(patch), reversed(steps[index])):
                function = np.multiply.outer(cosine(size, step), function)
            kernel[..., column] = function * (1 + frequency[index]) ** self.power
        kernel *= self.gain * np.sqrt(len(chosen) / np.sum(np.square(kernel)))
        return ops.convert_to_tensor(kernel, dtype=dtype or keras.config.floatx())

    def get_config(self) -> dict[str, float]:
        return {"power": self.power, "gain": self.gain}


def cosine(size: int, step: int) -> np.ndarray:
    """The orthonormal DCT-II function of `step` half periods over `size` samples."""
    function = np.cos(np.pi * step * (2 * np.arange(size) + 1) / (2 * size))
    return function * np.sqrt((2 if step else 1) / size)
