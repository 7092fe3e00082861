"""Rows of length 1, for NumPy; inside models and losses it is `vatt.losses.unit_rows`."""

import numpy as np


def row_norms(vectors: np.ndarray) -> np.ndarray:
    """Lengths of rows [N, D], [N, 1]; NaN or infinite for a row that is not finite."""
    return np.sqrt(np.einsum("nd,nd->n", vectors, vectors))[:, np.newaxis]


def finite_rows(vectors: np.ndarray, name: str = "vectors") -> np.ndarray:
    """float64 [N, D] as it is; raises ValueError for another rank, NaN and infinity."""
    vectors = np.asarray(vectors, dtype=np.float64)
    if vectors.ndim != 2:
        raise ValueError(f"`{name}` must be a matrix, an embedding a row. Received: shape {vectors.shape}.")
    is_finite = np.isfinite(row_norms(vectors))  # the quicker look
    broken = np.flatnonzero([] if is_finite.all() else ~np.isfinite(vectors).all(axis=1))
    if len(broken):
        raise ValueError(
            f"`{name}` must be finite. Received: {len(broken)} of {len(vectors)} rows with NaN or infinity, "
            f"the first is row {broken[0]}. Check the weights that made them."
        )
    return vectors


def unit_rows(vectors: np.ndarray, name: str = "vectors") -> np.ndarray:
    """Rows scaled to length 1, float64 [N, D]; a zero row stays zero. Refuses NaN and infinity."""
    vectors = finite_rows(vectors, name)
    lengths = row_norms(vectors)
    return vectors / np.where(lengths > 0, lengths, 1.0)
