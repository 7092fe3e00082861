"""What retrieval figures come out by chance: exactly for a random order, by permutation for a given model.

The exact level answers "how good is guessing". The permutation interval answers "how far from it may a model
that is untrained land", which is wider: clips of one group resemble each other, so their hits come and go
together.
"""

import numpy as np

from vatt.metrics.retrieval import BLOCK_ROWS, relevant_counts, score_blocks


def rank_survival(relevant: np.ndarray, gallery_size: int) -> np.ndarray:
    """Distribution of the best rank under a uniformly random order, averaged over queries.

    With m of N items relevant, P(rank > k) = C(N − m, k) / C(N, k) = Π_{i<k} (N − m − i) / (N − i).

    Args:
        relevant: integers [Q] in [1, N], relevant items of each query.
        gallery_size: N.

    Returns:
        float64 [N + 1]: P(rank > k) for k = 0 … N.
    """
    relevant = np.asarray(relevant)
    if not relevant.size or relevant.min() < 1 or relevant.max() > gallery_size:
        raise ValueError(
            "`relevant` must hold, for each query, between 1 and `gallery_size` items. "
            f"Received: {relevant.size} queries, gallery_size={gallery_size}"
            + (f", counts from {relevant.min()} to {relevant.max()}." if relevant.size else ".")
            + " Leave out queries of which the gallery has nothing."
        )
    survival = np.zeros(gallery_size + 1)
    drawn = np.arange(gallery_size)
    for count, queries in zip(*np.unique(relevant, return_counts=True), strict=True):
        factors = np.maximum(gallery_size - count - drawn, 0) / (gallery_size - drawn)
        survival += queries * np.concatenate([[1.0], np.cumprod(factors)])
    return survival / relevant.size


def chance_recall_at_k(relevant: np.ndarray, gallery_size: int, k: int) -> float:
    """Expected recall at `k` of a random order, in [0, 1]: mean over queries of 1 − C(N − m, k) / C(N, k)."""
    return float(1.0 - rank_survival(relevant, gallery_size)[min(k, gallery_size)])


def chance_median_rank(relevant: np.ndarray, gallery_size: int) -> float:
    """Median rank of a random order over all queries; midway between two ranks where half is below."""
    reached = 1.0 - rank_survival(relevant, gallery_size)
    rank = int(np.argmax(reached >= 0.5 - 1e-12))
    return rank + 0.5 if abs(reached[rank] - 0.5) < 1e-12 else float(rank)


def chance_mean_rank(relevant: np.ndarray, gallery_size: int) -> float:
    """Expected mean rank of a random order: the mean over queries of (N + 1) / (m + 1)."""
    return float(rank_survival(relevant, gallery_size)[:-1].sum())


def group_hits(
    queries: np.ndarray,
    gallery: np.ndarray,
    query_ids: np.ndarray,
    gallery_ids: np.ndarray,
    *,
    k: int,
    normalise: bool = True,
    block_rows: int = BLOCK_ROWS,
) -> np.ndarray:
    """How many queries of group g would be hits at `k` if group h were the right one.

    Ties count against the model, as in `ranks_from_scores`. The diagonal sums to the observed number of hits.

    Args:
        queries: [Q, D] embeddings.
        gallery: [N, D].
        query_ids: integers [Q], each of them present in the gallery.
        gallery_ids: integers [N], with G different values.
        k: a hit stands among the first `k`.
        normalise: see `score_blocks`.
        block_rows: queries scored at a time.

    Returns:
        int64 [G, G], groups in ascending order of their id.
    """
    query_ids, gallery_ids = np.asarray(query_ids), np.asarray(gallery_ids)
    relevant_counts(query_ids, gallery_ids)
    by_group = np.argsort(gallery_ids, kind="stable")
    groups, starts, sizes = np.unique(gallery_ids[by_group], return_index=True, return_counts=True)
    query_groups = np.searchsorted(groups, query_ids)
    hits = np.zeros((groups.size, groups.size), np.int64)
    for first, scores in score_blocks(
        queries, np.asarray(gallery)[by_group], normalise=normalise, block_rows=block_rows
    ):
        best = np.maximum.reduceat(scores, starts, axis=1)  # [R, G]
        own = np.add.reduceat((scores == np.repeat(best, sizes, axis=1)).astype(np.int64), starts, axis=1)
        ascending = np.sort(scores, axis=1)
        below = np.stack([np.searchsorted(row, bests) for row, bests in zip(ascending, best, strict=True)])
        before = scores.shape[1] - below - own  # items of other groups that score at least as high
        np.add.at(hits, query_groups[first : first + len(scores)], before < k)
    return hits


def permutation_interval(
    queries: np.ndarray,
    gallery: np.ndarray,
    query_ids: np.ndarray,
    gallery_ids: np.ndarray,
    *,
    k: int,
    permutations: int = 1000,
    confidence: float = 0.99,
    seed: int = 0,
    normalise: bool = True,
    block_rows: int = BLOCK_ROWS,
) -> tuple[float, float]:
    """Where recall at `k` is when the groups of the queries are permuted at random.

    The scores stay as they are and all queries of a group move together (a cluster permutation), so that what
    the queries of a group have in common without any correspondence stays in the interval.

    Args:
        queries: [Q, D] embeddings.
        gallery: [N, D].
        query_ids: integers [Q], each of them present in the gallery.
        gallery_ids: integers [N].
        k: recall at this rank.
        permutations: random permutations of the groups.
        confidence: share of them inside the interval, in (0, 1); quantiles are rounded outwards.
        seed: of the permutations.
        normalise: see `score_blocks`.
        block_rows: queries scored at a time.

    Returns:
        (low, high), both in [0, 1].
    """
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must be between 0 and 1. Received: confidence={confidence}.")
    if permutations < 1:
        raise ValueError(f"`permutations` must be at least 1. Received: permutations={permutations}.")
    hits = group_hits(
        queries, gallery, query_ids, gallery_ids, k=k, normalise=normalise, block_rows=block_rows
    )
    rows = np.arange(len(hits))
    drawn = np.random.default_rng(seed).permuted(np.tile(rows, (permutations, 1)), axis=1)
    recalls = hits[rows, drawn].sum(axis=1) / len(np.asarray(query_ids))
    tail = (1 - confidence) / 2
    return float(np.quantile(recalls, tail, method="lower")), float(
        np.quantile(recalls, 1 - tail, method="higher")
    )
