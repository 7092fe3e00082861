"""Learned positions, factorised over the axes of the token grid (paper Eq. 1)."""

import keras
from keras import ops

from vatt.layers.configured import Configured
from vatt.layers.interpolation import METHODS, interpolation_matrix

ORDERS = ("row_major", "column_major")


@keras.saving.register_keras_serializable("vatt")
class FactorisedPositions(Configured, keras.layers.Layer):
    """One table per axis, summed: token (i, j, k) gets E_1[i] + E_2[j] + E_3[k], by default through one LayerNorm.

    Args:
        grid: positions along each axis, e.g. (8, 14, 14) for video, (1200,) for audio.
        axes: names of the axes, which name the tables: ("time", "row", "column").
        width: features of a token, D.
        normalise: whether a LayerNorm (epsilon 1e-6) follows the sum (original release; Eq. 1 has none).
        order: "row_major" numbers tokens with the last axis fastest. "column_major" numbers the positions with the
            first axis fastest, against tokens that are row-major: the released spectrogram model was trained so.
        interpolation: how tables meet another grid, see `interpolation_matrix`, or None to refuse one.

    Call: `positions(grid=grid)` gives [N, D] for a grid that may differ from the tables' (interpolated, differentiably).
    """

    def __init__(
        self,
        *,
        grid,
        axes,
        width,
        normalise=True,
        order="row_major",
        interpolation="natural_cubic",
        name=None,
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        if len(grid) != len(axes):
            raise ValueError(f"`grid` and `axes` must agree. Received: grid={grid}, axes={axes}.")
        if order not in ORDERS:
            raise ValueError(f"`order` must be one of {ORDERS}. Received: order={order!r}.")
        if interpolation is not None and interpolation not in METHODS:
            raise ValueError(f"`interpolation` must be one of {METHODS} or None. Received: {interpolation!r}.")
        self.grid = tuple(grid)
        self.axes = tuple(axes)
        self.width = width
        self.normalise = normalise
        self.order = order
        self.interpolation = interpolation
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6, name="norm", dtype=dtype) if normalise else None

    def build(self, input_shape=None):
        initializer = keras.initializers.TruncatedNormal(stddev=self.width**-0.5)
        self.tables = [
            self.add_weight(name=f"{axis}_table", shape=(size, self.width), initializer=initializer)
            for axis, size in zip(self.axes, self.grid)
        ]
        if self.norm is not None:
            self.norm.build((None, self.width))

    def call(self, grid):
        grid = tuple(grid)
        if grid != self.grid and (self.interpolation is None or len(grid) != len(self.grid)):
            raise ValueError(
                f"{self.name}: the position tables hold a grid of {self.grid} ({', '.join(self.axes)}). Received: "
                f"{grid}. Cut the input to fit, or build the model with larger tables."
            )
        axes = range(len(grid))
        total = 0
        for axis, (table, size) in enumerate(zip(self.tables, grid)):
            others = [other for other in axes if other != axis]
            total = total + ops.expand_dims(self._resized(table, size), others)
        if self.order == "column_major":
            total = ops.transpose(total, (*reversed(axes), len(grid)))
        flat = ops.reshape(total, (-1, self.width))
        return flat if self.norm is None else self.norm(flat)

    def _resized(self, table, size):
        if table.shape[0] == size:
            return ops.convert_to_tensor(table)
        matrix = interpolation_matrix(table.shape[0], size, self.interpolation)
        return ops.matmul(ops.cast(matrix, table.dtype), table)
