"""Nearest neighbours by cosine, and what is odd about them: hubs that are everyone's neighbour."""

import numpy as np

from vatt.metrics.retrieval import score_blocks


def nearest(queries: np.ndarray, gallery: np.ndarray, k: int, *, normalise: bool = True) -> np.ndarray:
    """The k items with the highest similarity to each query, nearest first; of equal ones the first.

    Args:
        queries: [Q, D].
        gallery: [N, D].
        k: at most N.
        normalise: see `score_blocks`.

    Returns:
        int64 [Q, k].
    """
    if not 1 <= k <= len(gallery):
        raise ValueError(
            f"`k` must be from 1 to the number of items. Received: k={k}, {len(gallery)} items. Evaluate on "
            "more clips, or ask for fewer neighbours."
        )
    found = [np.zeros((0, k), np.int64)]
    for _, scores in score_blocks(queries, gallery, normalise=normalise):
        found.append(np.argsort(-scores, axis=1, kind="stable")[:, :k])
    return np.concatenate(found)


def occurrences(neighbours: np.ndarray, items: int) -> np.ndarray:
    """N_k: in how many queries' lists each item stands, int64 [items].

    Args:
        neighbours: int [Q, k], from `nearest`.
        items: N, of the gallery.
    """
    return np.bincount(np.asarray(neighbours).ravel(), minlength=items)


def hubness(counts: np.ndarray) -> dict[str, float]:
    """Figures of `occurrences` (Radovanović et al. 2010; Feldbauer et al. 2018).

    Args:
        counts: int [N].

    Returns:
        "skewness" of the counts, 0 where none is a hub; "antihubs", the share of items in nobody's list;
        "largest_hub", the share of all places that the commonest item holds; "robin_hood", the share of
        places that would have to change hands for all items to have equally many.
    """
    counts = np.asarray(counts, np.float64)
    if not counts.sum():
        raise ValueError(f"Hubness needs neighbours. Received: none for {counts.size} items.")
    centred = counts - counts.mean()
    variance = np.mean(centred**2)
    return {
        "skewness": float(np.mean(centred**3) / variance**1.5) if variance > 0 else 0.0,
        "antihubs": float(np.mean(counts == 0)),
        "largest_hub": float(counts.max() / counts.sum()),
        "robin_hood": float(np.abs(centred).sum() / (2 * counts.sum())),
    }


def mutual_neighbours(left: np.ndarray, right: np.ndarray) -> float:
    """Mean share of neighbours that two lists of the same clips have in common (Huh et al. 2024).

    Args:
        left, right: int [N, k], the neighbours of clip i by one representation and by another.
    """
    left, right = np.asarray(left), np.asarray(right)
    if left.shape != right.shape or not left.size:
        raise ValueError(
            f"Lists are compared of equal length. Received: shapes {left.shape} and {right.shape}."
        )
    shared = [len(np.intersect1d(one, other)) for one, other in zip(left, right, strict=True)]
    return float(np.mean(shared) / left.shape[1])
