"""ResNet (He et al. 2016), the ConvNet for audio that VATT is compared with, in the release's form."""

from collections.abc import Iterator, Sequence
from typing import Any

import gin
import keras
from keras import ops

from vatt.layers.configured import Configured
from vatt.layers.conv_net import ConvNet
from vatt.layers.conv_unit import ConvUnit
from vatt.layers.max_pool import MaxPool
from vatt.spec import patch_grid

EXPANSION = 4  # of a bottleneck's width, at its end
DEPTHS = (3, 4, 6, 3)  # ResNet-50; (3, 4, 23, 3) is ResNet-101


@keras.saving.register_keras_serializable("vatt")
class Bottleneck(Configured, keras.layers.Layer):
    """1 × 1 → 3 × 3 → 1 × 1 with a shortcut; ReLU after the sum.

    The last normalisation begins with a gain of 0, so that the block begins as its shortcut.

    Args:
        channels: of the first two convolutions; the third has four times as many.
        stride: of the 3 × 3 convolution, along both axes, and of the shortcut.
        projects: whether the shortcut is a 1 × 1 convolution with batch normalisation; else it is the input.
        frozen: see `GlobalBatchNorm`.

    Input: [B, time, frequency, C]. Output: [B, ⌈time / stride⌉, ⌈frequency / stride⌉, width].
    """

    def __init__(
        self,
        *,
        channels: int,
        stride: int = 1,
        projects: bool = False,
        frozen: bool = False,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.channels = channels
        self.stride = stride
        self.projects = projects
        self.frozen = frozen
        padding = "same" if stride == 1 else "explicit"
        strided: dict[str, Any] = {"stride": (stride, stride), "padding": padding}
        options: dict[str, Any] = {"frozen": frozen, "dtype": dtype}
        wide: dict[str, Any] = {"channels": self.width, "kernel": (1, 1), "relu": False}
        self.first = ConvUnit(channels=channels, kernel=(1, 1), name="first", **options)
        self.second = ConvUnit(channels=channels, kernel=(3, 3), name="second", **strided, **options)
        self.third = ConvUnit(gain=0.0, name="third", **wide, **options)
        self.shortcut = ConvUnit(name="shortcut", **wide, **strided, **options) if projects else None

    @property
    def width(self) -> int:
        """Features of the outputs."""
        return EXPANSION * self.channels

    def build(self, inputs: int) -> None:
        self.first.build(inputs)
        self.second.build(self.channels)
        self.third.build(self.channels)
        if self.shortcut is not None:
            self.shortcut.build(inputs)

    def grid_of(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """Positions along each axis that come out of a signal of these sizes."""
        return patch_grid(sizes, (self.stride, self.stride))

    def call(self, inputs: Any, rows: Any = None, training: bool = False) -> Any:
        past = inputs
        if self.shortcut is not None:
            past = self.shortcut(inputs, rows=rows, training=training)
        features = inputs
        for unit in (self.first, self.second, self.third):
            features = unit(features, rows=rows, training=training)
        return ops.relu(features + past)


@gin.register
@keras.saving.register_keras_serializable("vatt")
class ResNet(ConvNet):
    """ResNet v1 of bottlenecks on log-mel spectrograms, of which it pools the mean over time and frequency.

    Where it strides, a convolution pads the same on both sides; its one pooling pads as TensorFlow's "SAME".

    Args:
        depths: bottlenecks of each group, of which all but the first halve both axes.
        stem_channels: of the stem and of the first group's bottlenecks; every group doubles them. 64 with the
            default depths is ResNet-50, of 23,501,760 weights and 2,048 features.
        frozen: whether batch normalisation uses its moving statistics in training too, see
            `GlobalBatchNorm`: for fine-tuning, and where rows come in parts.

    Input: float [B, time, frequency, 1]; see `ConvNet`. Output: pooled [B, D], features [B, *grid, D].
    """

    axes = ("time", "frequency")
    channels = 1

    def __init__(
        self,
        *,
        depths: Sequence[int] = DEPTHS,
        stem_channels: int = 64,
        frozen: bool = False,
        name: str = "encoder",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.depths = tuple(depths)
        self.stem_channels = stem_channels
        self.frozen = frozen

    def stages_of(self) -> Iterator[keras.layers.Layer]:
        options: dict[str, Any] = {"frozen": self.frozen, "dtype": self.dtype_policy}
        yield ConvUnit(
            channels=self.stem_channels,
            kernel=(7, 7),
            stride=(2, 2),
            padding="explicit",
            name="block_0_stem",
            **options,
        )
        yield MaxPool(window=(3, 3), stride=(2, 2), name="max_pool", dtype=self.dtype_policy)
        number = 0
        for group, depth in enumerate(self.depths):
            for place in range(depth):
                number += 1
                yield Bottleneck(
                    channels=self.stem_channels * 2**group,
                    stride=2 if group and not place else 1,
                    projects=not place,
                    name=f"block_{number}_group_{group + 1}_{place + 1}",
                    **options,
                )
