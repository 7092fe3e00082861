"""Convolution, batch normalisation, ReLU: what the ConvNets are made of."""

from typing import Any

import keras
from keras import ops

from vatt.layers.batch_norm import GlobalBatchNorm
from vatt.layers.configured import Configured
from vatt.spec import patch_grid, same_padding

PADDINGS = ("same", "explicit")


@keras.saving.register_keras_serializable("vatt")
class ConvUnit(Configured, keras.layers.Layer):
    """A convolution without bias → `GlobalBatchNorm` → ReLU.

    Args:
        channels: that come out.
        kernel: size along each axis.
        stride: along each axis.
        padding: "same" as TensorFlow pads, the odd cell behind; "explicit": (kernel − 1) / 2 on both sides
            of every axis (ResNet, where it strides).
        relu: whether ReLU follows.
        gain: see `GlobalBatchNorm`.
        frozen: see `GlobalBatchNorm`.

    Input: [B, *sizes, channels given to `build`]; `rows` as in `GlobalBatchNorm`.
    Output: [B, *⌈sizes / stride⌉, channels].
    """

    def __init__(
        self,
        *,
        channels: int,
        kernel: tuple[int, ...],
        stride: tuple[int, ...] | None = None,
        padding: str = "same",
        relu: bool = True,
        gain: float = 1.0,
        frozen: bool = False,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if padding not in PADDINGS:
            raise ValueError(f"`padding` must be one of {PADDINGS}. Received: padding={padding!r}.")
        self.channels = channels
        self.kernel = tuple(kernel)
        self.stride = tuple(stride or [1] * len(self.kernel))
        self.padding = padding
        self.relu = relu
        self.gain = gain
        self.frozen = frozen
        self.norm = GlobalBatchNorm(width=channels, gain=gain, frozen=frozen, name="norm", dtype=dtype)

    @property
    def width(self) -> int:
        """Features of the outputs."""
        return self.channels

    def build(self, inputs: int) -> None:
        self.inputs = inputs
        self.weight = self.add_weight(
            name="kernel", shape=(*self.kernel, inputs, self.channels), initializer="glorot_uniform"
        )
        self.norm.build()

    def grid_of(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """Positions along each axis that come out of a signal of these sizes."""
        return patch_grid(sizes, self.stride)

    def convolve(self, inputs: Any) -> Any:
        """The convolution alone."""
        if self.padding == "explicit":
            sides = [((size - 1) // 2, (size - 1) // 2) for size in self.kernel]
        elif len(self.kernel) == 3 and self.compute_dtype != "float32":
            # oneDNN's gradient of a padded 3-D kernel is wrong in bfloat16 where the signal is short along an
            # axis: numbers without meaning, or NaN (TensorFlow 2.21, a CPU with AVX512-BF16).
            sizes = zip(inputs.shape[1:-1], self.kernel, self.stride, strict=True)
            sides = [same_padding(*each) for each in sizes]
        else:
            return ops.conv(inputs, self.weight, strides=self.stride, padding="same")
        inputs = ops.pad(inputs, [(0, 0), *sides, (0, 0)]) if any(map(any, sides)) else inputs
        return ops.conv(inputs, self.weight, strides=self.stride, padding="valid")

    def call(self, inputs: Any, rows: Any = None, training: bool = False) -> Any:
        outputs = self.norm(self.convolve(inputs), rows=rows, training=training)
        return ops.relu(outputs) if self.relu else outputs
