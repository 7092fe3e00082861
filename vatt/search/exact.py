"""Exact search: the product of the query with every row, block by block, and the best of them in order.

One thread does it: reading the rows takes the time, and BLAS's threads, which wait for one another by
spinning, take up to thirty times as long where others use the cores.
"""

import numpy as np

_BLOCK_ROWS = 16_384  # of 128 numbers: 8 MB, which the cores' caches hold while float16 becomes float32


def scores(matrix: np.ndarray, query: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Cosines of a query with every row.

    Args:
        matrix: float32 or float16 [N, D], rows of unit length; may be mapped.
        query: float32 [D] of unit length.
        present: bool [N]: rows that exist.

    Returns:
        float32 [N]; -inf for rows that do not exist.
    """
    query = np.asarray(query, np.float32)
    made = np.empty(len(matrix), np.float32)
    for first in range(0, len(matrix), _BLOCK_ROWS):
        block = matrix[first : first + _BLOCK_ROWS]
        made[first : first + len(block)] = np.vecdot(np.asarray(block, np.float32), query)
    made[~np.asarray(present)] = -np.inf
    return made


def best(values: np.ndarray, count: int) -> np.ndarray:
    """The places of the highest values, highest first; of equal ones the earlier.

    Args:
        values: float32 [N]; -inf is never among the best.

    Returns:
        int64 [up to `count`].
    """
    rows, taken = np.arange(len(values)), values
    if 0 < count < len(rows):
        # Everything that could be among them, ties at the border included: so the order does not depend on
        # how the partition breaks them.
        least = np.partition(taken, len(taken) - count)[len(taken) - count]
        rows = np.flatnonzero(taken >= least)
        taken = taken[rows]
    kept = taken > -np.inf
    rows, taken = rows[kept], taken[kept]
    return rows[np.lexsort((rows, -taken))][:count]
