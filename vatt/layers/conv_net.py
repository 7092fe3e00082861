"""A network of stages that reads a signal itself: the base of I3D and ResNet, which VATT is compared with."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from vatt.layers.stage_encoder import StageEncoder
from vatt.layers.transformer_encoder import TOKENS


class ConvNet(StageEncoder):
    """Stages one after the other, and the mean over all positions of what the last one gives.

    A subclass has `axes` and `channels` of its signal, and `stages_of()`, its layers in their order. Those
    with weights are named "block_N_…", as the blocks of a Transformer are, so that `layer_decay` knows them.

    Input: [B, *sizes, channels]; `rows` number [B], 0 for rows that do not exist, which batch normalisation
    leaves out, or None. Output: pooled [B, D] and features [B, *grid, D].

    `collect` asks for intermediates, as in `TransformerEncoder`: a dict from names to functions of their
    values. There is one, "tokens", the output of a stage [B, *grid of the stage, its width]. A third output
    is then a dict from the name to the list of the function's results, stage by stage.
    """

    axes: tuple[str, ...]
    channels: int
    frozen: bool

    def stages_of(self) -> Sequence[keras.layers.Layer]:
        """The layers, not built yet."""
        raise NotImplementedError

    def build(self, input_shape: Any = None) -> None:
        self.stages, width = list(self.stages_of()), self.channels
        for stage in self.stages:
            stage.build(width)
            width = stage.width

    @property
    def width(self) -> int:
        """Features of the outputs, D."""
        return self.stages[-1].width

    @property
    def mixes_rows(self) -> bool:
        """Whether, in training, what becomes of a row depends on the others of its batch."""
        return not self.frozen

    def grid_of(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Positions along each axis of the features of a signal of these sizes."""
        for stage in self.stages:
            sizes = stage.grid_of(sizes)
        return tuple(sizes)

    def call(
        self,
        signal: Any,
        rows: Any = None,
        training: bool = False,
        collect: Mapping[str, Callable] | None = None,
    ) -> Any:
        self.check_collect(collect)
        if len(signal.shape) != len(self.axes) + 2 or signal.shape[-1] != self.channels:
            raise ValueError(
                f"{self.path}: the signal must be [B, {', '.join(self.axes)}, {self.channels}]. Received: "
                f"shape {tuple(signal.shape)}."
            )
        features, collected = signal, []
        for stage in self.stages:
            features = stage(features, rows=rows, training=training)
            if collect:
                collected.append(collect[TOKENS](features))
        positions = tuple(range(1, len(features.shape) - 1))
        pooled = ops.cast(ops.mean(ops.cast(features, "float32"), axis=positions), features.dtype)
        return (pooled, features, {TOKENS: collected}) if collect else (pooled, features)
