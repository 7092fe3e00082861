"""Moving a position table to another number of positions, as one small matrix.

Interpolation along an axis is linear in the table, so it is a constant [to, from] matrix, computed once in
float64; at run time it costs one product, and gradients flow through it.
"""

import functools
from collections.abc import Sequence

import numpy as np

METHODS = ("natural_cubic", "bicubic", "torch_bicubic")


@functools.cache
def interpolation_matrix(size: int, new_size: int, method: str = "natural_cubic") -> np.ndarray:
    """Matrix [new_size, size] that turns a table of `size` rows into one of `new_size` rows.

    Args:
        size: positions the table has.
        new_size: positions wanted.
        method: "natural_cubic": natural cubic spline on left-aligned grids (knot i at i/size, query j at
            j/new_size, linear beyond the last knot), the form behind the released numbers;
            "bicubic": `tf.image.resize`'s (and Pillow's, to a larger size): Keys' kernel with a = -0.5 on
            half-pixel centres; beyond an edge there is nothing, and weights are scaled to sum to 1.
            "torch_bicubic": `torch.nn.functional.interpolate`'s (and OpenCV's): a = -0.75, and beyond an edge
            its last row is repeated; image ViTs of transformers meet other sizes so.
    """
    if method not in METHODS:
        raise ValueError(f"`method` must be one of {METHODS}. Received: method={method!r}.")
    if size < 1 or new_size < 1:
        raise ValueError(f"Sizes must be positive. Received: size={size}, new_size={new_size}.")
    if size == new_size:
        return np.eye(size)
    if size == 1:
        return np.ones((new_size, 1))
    if method == "natural_cubic":
        return _natural_cubic(size, new_size)
    torch = method == "torch_bicubic"
    return _keys(size, new_size, a=-0.75 if torch else -0.5, repeat_edge=torch)


def grid_matrix(sizes: Sequence[int], new_sizes: Sequence[int], method: str = "natural_cubic") -> np.ndarray:
    """As `interpolation_matrix` for a table over several axes, its rows numbered with the last axis fastest.

    Args:
        sizes, new_sizes: positions along each axis, had and wanted.
        method: how each axis is interpolated.
    """
    matrices = [interpolation_matrix(size, new, method) for size, new in zip(sizes, new_sizes, strict=True)]
    return functools.reduce(np.kron, matrices)


def _natural_cubic(size, new_size):
    import scipy.interpolate  # 50 MB, of which tables that fit have no need

    knots = np.arange(size) / size
    queries = np.arange(new_size) / new_size
    spline = scipy.interpolate.CubicSpline(knots, np.eye(size), bc_type="natural")
    matrix = spline(queries)
    # A cubic spline extrapolates its last cubic; the natural one continues as a straight line.
    beyond = queries > knots[-1]
    matrix[beyond] = spline(knots[-1]) + np.outer(queries[beyond] - knots[-1], spline(knots[-1], 1))
    return matrix


def _keys(size, new_size, *, a, repeat_edge):
    """Cubic convolution (Keys 1981), whose kernel at distance 1 has the slope `a`."""
    centres = (np.arange(new_size) + 0.5) * size / new_size - 0.5
    matrix = np.zeros((new_size, size))
    first = np.floor(centres).astype(int) - 1
    for tap in range(4):
        source = first + tap
        distance = np.abs(centres - source)
        near = (a + 2) * distance**3 - (a + 3) * distance**2 + 1
        far = a * distance**3 - 5 * a * distance**2 + 8 * a * distance - 4 * a
        weight = np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
        if not repeat_edge:
            weight = np.where((source >= 0) & (source < size), weight, 0.0)
        np.add.at(matrix, (np.arange(new_size), np.clip(source, 0, size - 1)), weight)
    return matrix / matrix.sum(axis=1, keepdims=True)
