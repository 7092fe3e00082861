"""What a tower of a ConvNet or of the linear text branch computes and keeps, from its stages' shapes."""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from vatt.layers.conv_unit import ConvUnit
from vatt.layers.i3d import Mixed
from vatt.layers.linear_text import LinearText
from vatt.layers.max_pool import MaxPool
from vatt.layers.resnet import Bottleneck
from vatt.plan.count import Count, elements, product
from vatt.plan.layers import spectrogram_costs

Sizes = tuple[int, ...]
_FLOAT32 = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvStream:
    """A `ConvTower` of a model and what a clip sends through it; see `Stream`."""

    name: str  # of the modality
    tower: Any  # `ConvTower`
    rows: int  # signals per clip: the captions of a clip, or 1
    sizes: Sizes  # of the signal that the tower takes

    @property
    def tokens(self) -> int:
        """Positions of the features that are pooled."""
        return math.prod(self.tower.grid_of(self.sizes))

    @property
    def kept(self) -> int:
        """All of them: a ConvNet drops none."""
        return self.tokens

    recompute = False  # no block of it is computed again

    def costs(self, *, training: bool) -> tuple[Count, Count]:
        """Of a clip, and once for all clips of a batch."""
        encoder, row, once = self.tower.encoder, Count(), Count()
        if isinstance(encoder, LinearText):
            row += product(self.tokens, encoder.table_width, encoder.width)
            return self.rows * (row + elements(self.tokens * encoder.width)), once
        if self.tower.log_mel is not None:
            row += spectrogram_costs(self.tower.log_mel, self.sizes[0])
        for number, (unit, grid) in enumerate(self._units()):
            row += unit_costs(unit, grid, gradients=2 if number else 1)  # nothing asks for a pixel's gradient
            once += elements(3 * unit.channels)
        for stage, _, grid in self._stages():
            if isinstance(stage, Bottleneck):
                row += elements(math.prod(grid) * stage.width)  # the shortcut's addition
        row += elements(self.tokens * encoder.width)  # the mean over positions
        return self.rows * row, once

    def memory(self, width: int) -> tuple[int, int]:
        """Bytes that a clip keeps between its forward and backward pass, and the most that one layer has in
        hand: results of convolutions, what ReLU leaves, and a byte for each winner of a pooling; in hand are
        a few copies of the largest in float32.

        Args:
            width: bytes of a number.
        """
        encoder = self.tower.encoder
        if isinstance(encoder, LinearText):
            numbers = self.tokens * (encoder.table_width + encoder.width)
            return self.rows * width * numbers, self.rows * width * numbers
        results = [unit.channels * math.prod(grid) for unit, grid in self._units()]
        pooled = sum((pool.width or 0) * math.prod(grid) for pool, grid in self._pools())
        kept = 2 * width * sum(results) + (width + 3) * pooled
        return self.rows * kept, self.rows * 3 * _FLOAT32 * max(results)

    def signal_bytes(self, width: int) -> int:
        """A signal as numbers: as it came, scaled, and read."""
        channels = getattr(self.tower.encoder, "channels", 0)  # of words there are none
        return 3 * width * channels * math.prod(self.tower.read_sizes(self.sizes))

    def _units(self) -> Iterator[tuple[ConvUnit, Sizes]]:
        """Each convolution with the grid that it gives."""
        for stage, before, after in self._stages():
            if isinstance(stage, ConvUnit):
                yield stage, after
            elif isinstance(stage, Mixed):
                yield from ((unit, after) for unit in stage.units)
            elif isinstance(stage, Bottleneck):
                yield stage.first, before
                yield from ((unit, after) for unit in (stage.second, stage.third))
                if stage.shortcut is not None:
                    yield stage.shortcut, after

    def _pools(self) -> Iterator[tuple[MaxPool, Sizes]]:
        for stage, _, after in self._stages():
            if isinstance(stage, MaxPool):
                yield stage, after
            elif isinstance(stage, Mixed):
                yield stage.pool, after

    def _stages(self) -> Iterator[tuple[Any, Sizes, Sizes]]:
        sizes = self.tower.read_sizes(self.sizes)
        for stage in self.tower.encoder.stages:
            before, sizes = sizes, stage.grid_of(sizes)
            yield stage, before, sizes


def unit_costs(unit: ConvUnit, grid: Sizes, *, gradients: int) -> Count:
    """`ConvUnit` that gives this grid; padding is multiplied as any value is."""
    positions = math.prod(grid)
    count = product(positions, math.prod(unit.kernel) * unit.inputs, unit.channels, gradients=gradients)
    return count + elements(3 * positions * unit.channels)  # less the mean, gain, offset
