"""Tokenizers of raw signals: cut into patches, one linear map per patch (paper 3.1), by option with energies.

One class serves every signal, whatever its number of axes: voxels are patches over (time, row, column),
waveforms over (sample), spectrograms over (time, frequency). A convolution whose stride is its kernel is
exactly this map; the kernel keeps the convolution's shape so that weights move freely between the two views.
"""

import logging
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from vatt.layers.configured import Configured
from vatt.products import product
from vatt.protocols import Tensor
from vatt.spec import EDGES, patch_grid

_log = logging.getLogger(__name__)

# log(0.00001 + energy) · 0.1: silence is -1.15, an energy of 1 is 0, as small as linear features are.
ENERGY_FLOOR = 1e-5
ENERGY_SCALE = 0.1


@keras.saving.register_keras_serializable("vatt")
class PatchEmbedding(Configured, keras.layers.Layer):
    """Linear embedding of non-overlapping patches.

    Args:
        patch: size of a patch along each axis, e.g. (4, 16, 16) for voxels, (128,) for waveforms.
        channels: channels of the signal: 3 for RGB, 1 for audio.
        width: features of a token, D.
        edge: what to do where the patch does not divide the size: "pad" with zeros at the end (the paper's
            ⌈·⌉) or "drop" the rest (the original release).
        energies: how many features, the last ones, are log(1e-5 + a² + b²) · 0.1 of two linear maps a, b of
            their own, before the bias: energies in quadrature, which a linear map of a waveform cannot give.
        initializer: Keras initializer of the kernel [*patch, C, D + energies]; None: Glorot's over a patch.
            It makes the first values and is not part of the configuration.

    `cut` makes patches of a signal [B, *sizes, channels], float in [-1, 1]. Input: patches
    [..., values of a patch]. Output: tokens [..., D].
    """

    not_in_config = ("initializer",)

    def __init__(
        self,
        *,
        patch: Sequence[int],
        channels: int,
        width: int,
        edge: str = "pad",
        energies: int = 0,
        initializer: Callable | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if edge not in EDGES:
            raise ValueError(f"`edge` must be one of {EDGES}. Received: edge={edge!r}.")
        if not 0 <= energies <= width:
            raise ValueError(f"`energies` must be in [0, {width}], the width. Received: energies={energies}.")
        self.patch = tuple(patch)
        self.channels = channels
        self.width = width
        self.edge = edge
        self.energies = energies
        self._initializer = initializer
        self._told = set()  # sizes whose edge the log has mentioned

    def build(self, input_shape: Any = None) -> None:
        # Glorot over a patch, as a dense layer on the flattened patch would be, not over a convolution's
        # field.
        fan_in = math.prod(self.patch) * self.channels
        limit = math.sqrt(6 / (fan_in + self.width))
        initializer = self._initializer or keras.initializers.RandomUniform(-limit, limit)
        shape = (*self.patch, self.channels, self.width + self.energies)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=initializer)
        self.bias = self.add_weight(name="bias", shape=(self.width,), initializer="zeros")

    def grid(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Patches along each axis for a signal of these sizes."""
        return patch_grid(sizes, self.patch, self.edge)

    def call(self, patches: Tensor) -> Tensor:
        mapped = product(patches, ops.reshape(self.kernel, (-1, self.width + self.energies)))
        if self.energies:
            linear, a, b = ops.split(mapped, [self.width - self.energies, self.width], axis=-1)
            energy = ops.log(ENERGY_FLOOR + ops.square(a) + ops.square(b))
            mapped = ops.concatenate([linear, ENERGY_SCALE * energy], axis=-1)
        return mapped + self.bias

    def cut(self, inputs: Tensor) -> Tensor:
        """The patches as they are, [B, *grid, values of a patch]."""
        sizes = inputs.shape[1:-1]
        if len(sizes) != len(self.patch) or inputs.shape[-1] != self.channels:
            axes = " × ".join("size" for _ in self.patch)
            raise ValueError(
                f"{self.name}: the signal must be [B, {axes}, {self.channels}] for patches of {self.patch}. "
                f"Received: shape {tuple(inputs.shape)}."
            )
        grid = self.grid(sizes)
        if 0 in grid:
            raise ValueError(
                f"{self.name}: each axis must hold at least one patch of {self.patch}. Received: sizes "
                f"{sizes}. Give a longer or larger clip, or a model with smaller patches."
            )
        signal = self._fit(inputs, grid)
        # [B, g1, p1, g2, p2, ..., C] -> [B, g1, g2, ..., p1, p2, ..., C], an axis at a time from the last on:
        # as fast as one transposition of all axes, which LiteRT does not support at this rank.
        cells, values = grid[-1], self.patch[-1] * self.channels
        for count, size in zip(reversed(grid[:-1]), reversed(self.patch[:-1])):
            signal = ops.reshape(signal, (-1, count, size, cells, values))
            signal = ops.transpose(signal, (0, 1, 3, 2, 4))
            cells, values = cells * count, values * size
        return ops.reshape(signal, (-1, *grid, values))

    def _fit(self, signal, grid):
        """The signal cut or padded to whole patches."""
        wanted = tuple(g * p for g, p in zip(grid, self.patch))
        sizes = tuple(signal.shape[1:-1])
        if wanted != sizes and sizes not in self._told:
            self._told.add(sizes)
            done = "the rest is dropped" if self.edge == "drop" else "the end is padded with zeros"
            _log.info(
                "%s: patches of %s do not divide %s, %s: %s.", self.path, self.patch, sizes, done, wanted
            )
        if self.edge == "drop":
            cut = (slice(None), *(slice(0, n) for n in wanted))
            return signal[cut] if wanted != sizes else signal
        missing = [n - size for n, size in zip(wanted, sizes)]
        return ops.pad(signal, [(0, 0), *((0, n) for n in missing), (0, 0)]) if any(missing) else signal
