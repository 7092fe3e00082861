"""Vectors laid out in a plane by t-SNE, for figures (van der Maaten and Hinton 2008)."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

PERPLEXITY = 30.0  # neighbours that count, about; scikit-learn's and the authors' middle choice
COMPONENTS = 50  # of PCA in front of it, as the authors advise
_LEAST_ROWS = 5
_SAME = 1e-7  # of their size: vectors in float32 that differ by no more are equal


def plane(vectors: np.ndarray, *, seed: int, perplexity: float = PERPLEXITY) -> np.ndarray:
    """float32 [N, 2], centred, the farthest point at distance 1 along one of the axes; vectors that are all
    equal are in the middle.

    The same vectors, seed and machine give the same layout. t-SNE magnifies rounding, so another batch size
    of the model may turn or rearrange it; who is whose neighbour stays.

    Args:
        vectors: [N, D], finite, at least five.
        perplexity: no more than (N − 1) / 3 is used.
    """
    vectors = np.asarray(vectors, np.float64)
    if len(vectors) < _LEAST_ROWS:
        raise ValueError(
            f"A layout needs at least {_LEAST_ROWS} vectors. Received: {len(vectors)}. Take more clips."
        )
    if np.ptp(vectors, axis=0).max() <= _SAME * np.abs(vectors).max():
        # scikit-learn would divide by their spread, and its tree of NaN takes the process down.
        return np.zeros((len(vectors), 2), np.float32)
    if vectors.shape[1] > COMPONENTS:
        count = min(COMPONENTS, len(vectors))
        vectors = PCA(count, svd_solver="full").fit_transform(vectors)
    layout = TSNE(perplexity=min(perplexity, (len(vectors) - 1) / 3), init="pca", random_state=seed)
    # A thousand short rounds that all threads must end together: on a busy machine several take a hundred
    # times as long as one, and to the last bit they come to the same.
    with threadpool_limits(1):
        laid_out = layout.fit_transform(vectors)
    laid_out -= (laid_out.max(axis=0) + laid_out.min(axis=0)) / 2
    return (laid_out / (np.abs(laid_out).max() or 1.0)).astype(np.float32)


def coordinates(points: np.ndarray) -> list[list[float]]:
    """[[x, y], …] as plain values for an artifact."""
    return [[round(float(x), 4), round(float(y), 4)] for x, y in points]
