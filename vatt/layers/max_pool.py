"""Max-pooling whose gradient goes to one winner of each window."""

from typing import Any

import keras
import numpy as np
from keras import ops

from vatt.layers.configured import Configured
from vatt.layers.lean import own_gradients
from vatt.spec import patch_grid, same_padding


@keras.saving.register_keras_serializable("vatt")
class MaxPool(Configured, keras.layers.Layer):
    """The largest value of each window, feature by feature, padded as TensorFlow's "SAME".

    Where cells of a window tie, the first of them, row by row, gets the whole gradient. TensorFlow's own
    pooling has no one rule: its eager kernel on a CPU gives every tied cell the whole gradient, so that
    gradients grow, and XLA and oneDNN give it to one. Ties are the rule in I3D, which pools with overlapping
    windows what it has just pooled.

    Args:
        window: size along each axis; at least the stride.
        stride: from a window to the next along each axis.

    Input: [B, *sizes, C]. Output: [B, *⌈sizes / stride⌉, C].
    """

    def __init__(
        self, *, window: tuple[int, ...], stride: tuple[int, ...], name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.window = tuple(window)
        self.stride = tuple(stride)
        if any(size < step for size, step in zip(self.window, self.stride, strict=True)):
            raise ValueError(
                f"A window must reach to the next one. Received: window={window}, stride={stride}."
            )

    def build(self, inputs: int | None = None) -> None:
        self.width = inputs

    def grid_of(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """Positions along each axis that come out of a signal of these sizes."""
        return patch_grid(sizes, self.stride)

    def call(self, inputs: Any, rows: Any = None, training: bool = False) -> Any:
        for axis, (size, stride) in reversed(list(enumerate(zip(self.window, self.stride), start=1))):
            if size > 1:
                inputs = _along(inputs, axis, size, stride)
        return inputs


def _along(x, axis, size, stride):
    """The largest of each window along one axis: the maximum over a box, axis by axis."""
    length = x.shape[axis]
    outputs = patch_grid((length,), (stride,))[0]
    sides = same_padding(length, size, stride)

    def pool(x):
        lowest = -np.inf
        padding = [(0, 0)] * len(x.shape)
        padding[axis] = sides
        padded = ops.pad(x, padding, constant_values=lowest) if any(sides) else x
        best, winner = None, None
        for first in range(size):
            cells = [slice(None)] * len(x.shape)
            cells[axis] = slice(first, first + (outputs - 1) * stride + 1, stride)
            cell = padded[tuple(cells)]
            if best is None:
                best, winner = cell, ops.zeros_like(cell, dtype="int8")
                continue
            wins = cell > best
            best = ops.where(wins, cell, best)
            winner = ops.where(wins, ops.cast(first, "int8"), winner)
        return best, winner

    @ops.custom_gradient
    def lean(x):
        best, winner = pool(x)  # a byte for each output is all that the gradient keeps

        def gradient(upstream):
            return _to_winners(upstream, winner, axis, size, stride, sides[0], length)

        return best, gradient

    return lean(x) if own_gradients() else pool(x)[0]


def _to_winners(upstream, winner, axis, size, stride, skipped, length):
    """Each gradient in the cell that won, where cells of several windows add up, in their order.

    Args:
        skipped: cells of the padding in front.
        length: cells of the input.
    """
    reach = -(-size // stride) - 1  # windows after its own that hold a cell
    residues = []
    for residue in range(stride):
        total = None
        for cell in range(residue, size, stride):
            won = ops.where(winner == cell, upstream, ops.zeros_like(upstream))
            padding = [(0, 0)] * len(upstream.shape)
            padding[axis] = (cell // stride, reach - cell // stride)
            won = ops.pad(won, padding) if reach else won
            total = won if total is None else total + won
        residues.append(total)
    cells = residues[0]
    if stride > 1:
        shape = list(ops.shape(cells))
        shape[axis] = shape[axis] * stride
        cells = ops.reshape(ops.stack(residues, axis=axis + 1), shape)
    kept = [slice(None)] * len(upstream.shape)
    kept[axis] = slice(skipped, skipped + length)
    return cells[tuple(kept)]
