"""I3D (Carreira and Zisserman 2017), the ConvNet for video that VATT is compared with, in the release's
form.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import gin
import keras
from keras import ops

from vatt.layers.configured import Configured
from vatt.layers.conv_net import ConvNet
from vatt.layers.conv_unit import ConvUnit
from vatt.layers.lean import branches
from vatt.layers.max_pool import MaxPool

# Channels of the branches: 1³; 1³ and 3³; 1³ and 3³; 1³ after the pooling.
_MIXED = {
    "mixed_3b": (64, 96, 128, 16, 32, 32),
    "mixed_3c": (128, 128, 192, 32, 96, 64),
    "mixed_4b": (192, 96, 208, 16, 48, 64),
    "mixed_4c": (160, 112, 224, 24, 64, 64),
    "mixed_4d": (128, 128, 256, 24, 64, 64),
    "mixed_4e": (112, 144, 288, 32, 64, 64),
    "mixed_4f": (256, 160, 320, 32, 128, 128),
    "mixed_5b": (256, 160, 320, 32, 128, 128),
    "mixed_5c": (384, 192, 384, 48, 128, 128),
}
# Window and stride of the pooling in front of a stage.
_POOLS = {
    "conv3d_2b_1x1": ("maxpool3d_2a_3x3", (1, 3, 3), (1, 2, 2)),
    "mixed_3b": ("maxpool3d_3a_3x3", (1, 3, 3), (1, 2, 2)),
    "mixed_4b": ("maxpool3d_4a_3x3", (3, 3, 3), (2, 2, 2)),
    "mixed_5b": ("maxpool3d_5a_2x2", (2, 2, 2), (2, 2, 2)),
}
BLOCKS = ("conv3d_1a_7x7", "conv3d_2b_1x1", "conv3d_2c_3x3", *_MIXED)
BRANCHES = ("b0_0", "b1_0", "b1_1", "b2_0", "b2_1", "b3_1")
_ONE, _THREE = (1, 1, 1), (3, 3, 3)


@keras.saving.register_keras_serializable("vatt")
class Mixed(Configured, keras.layers.Layer):
    """Four branches side by side, their channels one after the other: 1³; 1³ → 3³; 1³ → 3³; pooling 3³ → 1³.

    Args:
        channels: of the units `BRANCHES`, in their order.
        frozen: see `GlobalBatchNorm`.

    Input: [B, T, H, W, C]. Output: [B, T, H, W, width].
    """

    def __init__(
        self, *, channels: Sequence[int], frozen: bool = False, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.channels = tuple(channels)
        self.frozen = frozen
        self.pool = MaxPool(window=_THREE, stride=_ONE, name="pool", dtype=dtype)
        self.units = [
            ConvUnit(
                channels=count,
                kernel=_THREE if branch in ("b1_1", "b2_1") else _ONE,
                frozen=frozen,
                name=branch,
                dtype=dtype,
            )
            for branch, count in zip(BRANCHES, self.channels, strict=True)
        ]

    @property
    def width(self) -> int:
        """Features of the outputs."""
        first, _, second, _, third, fourth = self.channels
        return first + second + third + fourth

    def build(self, inputs: int) -> None:
        self.pool.build(inputs)
        for unit, name in zip(self.units, BRANCHES, strict=True):
            unit.build(self.channels[BRANCHES.index(name) - 1] if name in ("b1_1", "b2_1") else inputs)

    def grid_of(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """As they are."""
        return tuple(sizes)

    def call(self, inputs: Any, rows: Any = None, training: bool = False) -> Any:
        first, second, third, fourth = branches(inputs, 4)
        b0, b1, b1_3, b2, b2_3, b3 = (
            lambda signal, unit=unit: unit(signal, rows=rows, training=training) for unit in self.units
        )
        outputs = [b0(first), b1_3(b1(second)), b2_3(b2(third)), b3(self.pool(fourth))]
        return ops.concatenate(outputs, axis=-1)


@gin.register
@keras.saving.register_keras_serializable("vatt")
class I3D(ConvNet):
    """I3D on RGB: a stem of three convolutions, nine blocks of four branches, four poolings between them.

    Every convolution is without bias and followed by batch normalisation and ReLU; the third branch of a
    block has a kernel of 3³, as in the release, not 5³. The mean over all positions is pooled.

    Args:
        width_factor: multiplies every number of channels; 1 is the published network, of 12,287,264 weights
            and 1,024 features.
        stem_kernel, stem_stride: of the first convolution, along time, rows and columns.
        blocks: of `BLOCKS` those that are there, in their order; a pooling stands in front of the block that
            it belongs to.
        frozen: whether batch normalisation uses its moving statistics in training too, see
            `GlobalBatchNorm`: for fine-tuning, and where rows come in parts.

    Input: float [B, T, H, W, 3] in [-1, 1]; see `ConvNet`. Output: pooled [B, D], features [B, *grid, D].
    """

    axes = ("time", "row", "column")
    channels = 3

    def __init__(
        self,
        *,
        width_factor: float = 1.0,
        stem_kernel: Sequence[int] = (7, 7, 7),
        stem_stride: Sequence[int] = (2, 2, 2),
        blocks: Sequence[str] = BLOCKS,
        frozen: bool = False,
        name: str = "encoder",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.blocks = tuple(blocks)
        if not self.blocks or self.blocks != tuple(each for each in BLOCKS if each in self.blocks):
            raise ValueError(f"`blocks` must be some of {BLOCKS}, in this order. Received: {self.blocks}.")
        self.width_factor = width_factor
        self.stem_kernel, self.stem_stride = tuple(stem_kernel), tuple(stem_stride)
        self.frozen = frozen

    def stages_of(self) -> Iterator[keras.layers.Layer]:
        options: dict[str, Any] = {"frozen": self.frozen, "dtype": self.dtype_policy}
        for number, block in enumerate(self.blocks):
            if block in _POOLS:
                name, window, stride = _POOLS[block]
                yield MaxPool(window=window, stride=stride, name=name, dtype=self.dtype_policy)
            name = f"block_{number}_{block}"
            if block in _MIXED:
                yield Mixed(channels=[self._scaled(count) for count in _MIXED[block]], name=name, **options)
            elif block == "conv3d_1a_7x7":
                kernel, stride = self.stem_kernel, self.stem_stride
                yield ConvUnit(channels=self._scaled(64), kernel=kernel, stride=stride, name=name, **options)
            else:
                kernel, count = (_ONE, 64) if block == "conv3d_2b_1x1" else (_THREE, 192)
                yield ConvUnit(channels=self._scaled(count), kernel=kernel, name=name, **options)

    def _scaled(self, channels: int) -> int:
        return max(1, round(self.width_factor * channels))
