"""An int8 copy of a matrix, which leaves few rows to be compared exactly: the best are among them.

With x = s·c + e for a row and y = t·p + f for a query, c and p of int8, the cosine x·y differs from s·t·(c·p)
by e·y + s·c·f, which is at most ‖e‖·‖y‖ + (‖x‖ + ‖e‖)·‖f‖. The products c·p are exact (SimSIMD).
"""

import dataclasses
import functools
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

LEAST_ROWS = 50_000  # of a matrix that has such a copy
_BLOCK_ROWS = 65_536
_BLOCKS = 1024
# By which float32 cosines differ from exact ones: of 4,096 numbers, rows and queries of length 1.
_ROUNDING = 4096 * 2.0**-24


@dataclasses.dataclass(frozen=True, kw_only=True)
class Screen:
    """A screen of a matrix [N, D].

    Attributes:
        codes: int8 [N, D]; may be mapped.
        scale: s.
        error: largest ‖e‖.
        norm: largest ‖x‖.
    """

    codes: np.ndarray
    scale: float
    error: float
    norm: float

    def candidates(self, query: np.ndarray, present: np.ndarray, count: int) -> np.ndarray:
        """Rows, in order, that the `count` rows with the highest cosines are among.

        Args:
            query: float32 [D].
            present: bool [N]: rows that exist.
        """
        query = np.asarray(query, np.float64)
        step = float(np.abs(query).max()) / 127 or 1.0
        codes = np.rint(query / step).astype(np.int8)
        lost = float(np.linalg.norm(query - step * codes.astype(np.float64)))
        bound = self.error * float(np.linalg.norm(query)) + (self.norm + self.error) * lost + _ROUNDING
        products = np.asarray(_simsimd().cdist(codes[np.newaxis], self.codes, "dot", out_dtype="int32"))[0]
        least = np.iinfo(np.int32).min
        if not present.all():
            products[~present] = least
        # The count-th highest of the highest of each block is no higher than the count-th highest of all.
        blocks = min(len(products), max(_BLOCKS, 4 * count))
        size = len(products) // blocks
        highest = products[: blocks * size].reshape(blocks, size).max(axis=1)
        if count > blocks or (border := np.partition(highest, -count)[-count]) == least:
            return np.flatnonzero(present)
        lowest = max(float(border) - 2 * bound / (self.scale * step), least + 1.0)
        return np.flatnonzero(products >= lowest)


def quantise(matrix: np.ndarray, codes: np.ndarray) -> dict[str, float]:
    """Fills `codes`, int8 [N, D], with the screen of a matrix; returns its other attributes."""
    scale = max((float(np.abs(block).max()) for _, block in _blocks(matrix)), default=0.0) / 127 or 1.0
    error = norm = 0.0
    for first, block in _blocks(matrix):
        made = np.rint(block / scale).astype(np.int8)
        codes[first : first + len(block)] = made
        error = max(error, float(np.linalg.norm(block - scale * made.astype(np.float64), axis=1).max()))
        norm = max(norm, float(np.linalg.norm(block, axis=1).max()))
    return {"scale": scale, "error": error, "norm": norm}


def _blocks(matrix: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    for first in range(0, len(matrix), _BLOCK_ROWS):
        yield first, np.asarray(matrix[first : first + _BLOCK_ROWS], np.float64)


def can_screen() -> bool:
    """Whether SimSIMD is installed."""
    try:
        _simsimd()
    except ImportError:
        return False
    return True


@functools.cache
def _simsimd() -> ModuleType | Any:
    import simsimd

    return simsimd
