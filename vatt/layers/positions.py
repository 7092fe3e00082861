"""Learned positions, factorised over the axes of the token grid (paper Eq. 1)."""

import math
from collections.abc import Sequence
from typing import Any

import gin
import keras
from keras import ops

from vatt.layers.configured import Configured
from vatt.layers.interpolation import METHODS, grid_matrix
from vatt.protocols import Tensor

ORDERS = ("row_major", "column_major")


@gin.register
@keras.saving.register_keras_serializable("vatt")
class FactorisedPositions(Configured, keras.layers.Layer):
    """One table per axis, summed: token (i, j, k) gets E_1[i] + E_2[j] + E_3[k], by default through one
    LayerNorm.

    Args:
        normalise: whether a LayerNorm (epsilon 1e-6) follows the sum (original release; Eq. 1 has none).
        order: "row_major" numbers tokens with the last axis fastest. "column_major" numbers the positions
            with the first axis fastest, against tokens that are row-major: the released spectrogram model was
            trained so.
        interpolation: how tables meet another grid, see `interpolation_matrix`, or None: a smaller grid takes
            the first rows, a larger one is refused.
        joint_axes: names of axes that share one table, with a row for each of their places: with
            ("row", "column") token (i, j, k) gets E_1[i] + E_23[j, k]. An image ViT learned its positions so.

    Build: `positions.build(grid=grid, axes=axes, width=width)` makes the tables of a grid, e.g. (8, 14, 14)
    with the axes ("time", "row", "column"), which name the tables; `width` is D. Call:
    `positions(grid=grid)` gives [N, D] for a grid that may differ from the tables' (interpolated,
    differentiably).
    """

    def __init__(
        self,
        *,
        normalise: bool = True,
        order: str = "row_major",
        interpolation: str | None = "natural_cubic",
        joint_axes: Sequence[str] = (),
        name: str = "positions",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if order not in ORDERS:
            raise ValueError(f"`order` must be one of {ORDERS}. Received: order={order!r}.")
        if interpolation is not None and interpolation not in METHODS:
            raise ValueError(
                f"`interpolation` must be one of {METHODS} or None. Received: {interpolation!r}."
            )
        self.normalise = normalise
        self.order = order
        self.interpolation = interpolation
        self.joint_axes = tuple(joint_axes)
        self.norm = (
            keras.layers.LayerNormalization(epsilon=1e-6, name="norm", dtype=dtype) if normalise else None
        )

    def build(self, grid: Sequence[int], axes: Sequence[str], width: int) -> None:
        if len(grid) != len(axes):
            raise ValueError(f"`grid` and `axes` must agree. Received: grid={grid}, axes={axes}.")
        self.grid, self.axes, self.width = tuple(grid), tuple(axes), width
        self.tabled_axes = self._group()
        initializer = keras.initializers.TruncatedNormal(stddev=self.width**-0.5)
        self.tables = [
            self.add_weight(
                name=f"{'_'.join(self.axes[axis] for axis in tabled)}_table",
                shape=(math.prod(self.grid[axis] for axis in tabled), self.width),
                initializer=initializer,
            )
            for tabled in self.tabled_axes
        ]
        if self.norm is not None:
            self.norm.build((None, self.width))

    def call(self, grid: Sequence[int]) -> Tensor:
        grid = tuple(grid)
        too_long = self.interpolation is None and any(new > old for new, old in zip(grid, self.grid))
        if too_long or len(grid) != len(self.grid):
            held = " × ".join(f"{size} {axis}s" for size, axis in zip(self.grid, self.axes))
            raise ValueError(
                f"{self.name}: the input must fit the position tables, which hold {held}. Received: a grid "
                f"of {grid}. Cut the input, or build the model with larger tables."
            )
        axes = range(len(grid))
        total = 0
        for table, tabled in zip(self.tables, self.tabled_axes):
            shape = [grid[axis] if axis in tabled else 1 for axis in axes]
            total = total + ops.reshape(self._resized(table, tabled, grid), (*shape, self.width))
        if self.order == "column_major":
            total = ops.transpose(total, (*reversed(axes), len(grid)))
        flat = ops.reshape(total, (-1, self.width))
        return flat if self.norm is None else self.norm(flat)

    def _group(self) -> list[tuple[int, ...]]:
        """Numbers of the axes of each table."""
        joint = tuple(number for number, axis in enumerate(self.axes) if axis in self.joint_axes)
        if self.joint_axes and (len(joint) != len(self.joint_axes) or len(joint) < 2):
            raise ValueError(
                f"`joint_axes` must name two axes or more of {self.axes}. Received: {self.joint_axes}."
            )
        if joint and self.interpolation is None:
            raise ValueError(
                "A joint table meets another grid only by interpolation. Received: interpolation=None, "
                f"joint_axes={self.joint_axes}. Give one of {METHODS}."
            )
        single = [(number,) for number in range(len(self.axes)) if number not in joint]
        return sorted([*single, joint]) if joint else single

    def _resized(self, table, tabled, grid):
        sizes, wanted = ([of[axis] for axis in tabled] for of in (self.grid, grid))
        if sizes == wanted:
            return ops.convert_to_tensor(table)
        if self.interpolation is None:
            return table[: wanted[0]]
        return ops.matmul(ops.cast(grid_matrix(sizes, wanted, self.interpolation), table.dtype), table)
