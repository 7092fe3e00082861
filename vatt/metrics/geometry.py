"""Geometry of embeddings on the unit sphere: the gap between modalities, alignment, uniformity.

All three look at directions alone, as the cosine does: rows are scaled to length 1 first.
"""

import numpy as np

from vatt.metrics.retrieval import BLOCK_ROWS
from vatt.unit_rows import unit_rows


def modality_gap(left: np.ndarray, right: np.ndarray) -> float:
    """Distance between the centres of two modalities' unit vectors, in [0, 2] (Liang et al. 2022).

    Args:
        left: [N, D].
        right: [M, D], of the same space.
    """
    left, right = _same_space(left, right)
    return float(np.linalg.norm(left.mean(axis=0) - right.mean(axis=0)))


def alignment(left: np.ndarray, right: np.ndarray) -> float:
    """Mean squared distance of pairs, in [0, 4]; 0 is perfect (Wang and Isola 2020, α = 2).

    Args:
        left: [N, D].
        right: [N, D], row i belonging with row i.
    """
    left, right = _same_space(left, right)
    if len(left) != len(right):
        raise ValueError(
            f"Alignment is that of pairs, a row each. Received: {len(left)} and {len(right)} rows."
        )
    return float(np.mean(np.sum((left - right) ** 2, axis=1)))


def uniformity(vectors: np.ndarray, *, scale: float = 2.0) -> float:
    """log of the mean of exp(−t · squared distance) over all pairs of different rows (Wang and Isola 2020).

    Never above 0, which it is where all vectors are equal; lower is more even, and −2t the least that any two
    opposite vectors could have at t = `scale`.

    Args:
        vectors: [N, D], at least two.
        scale: t.
    """
    vectors = unit_rows(vectors)
    if len(vectors) < 2:
        raise ValueError(f"Uniformity needs at least two vectors. Received: {len(vectors)}.")
    total = 0.0
    for first in range(0, len(vectors), BLOCK_ROWS):
        block = vectors[first : first + BLOCK_ROWS]
        lengths = np.sum(block**2, axis=1)[:, None] + np.sum(vectors**2, axis=1)[None, :]
        kernel = np.exp(-scale * np.maximum(lengths - 2 * block @ vectors.T, 0.0))
        rows = np.arange(len(block))
        kernel[rows, first + rows] = 0.0  # no row is a pair with itself
        total += float(kernel.sum())
    return float(np.log(total / (len(vectors) * (len(vectors) - 1))))


def _same_space(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    left, right = unit_rows(left, "left"), unit_rows(right, "right")
    if not len(left) or not len(right) or left.shape[1] != right.shape[1]:
        raise ValueError(
            "Two modalities are compared in one space, at least one vector each. Received: shapes "
            f"{left.shape} and {right.shape}."
        )
    return left, right
