"""Retrieval metrics: at which rank does a query find its first right item.

Relevance is equality of integer ids: item j answers query i when `gallery_ids[j] == query_ids[i]`. One rule
covers the diagonal (ids = row numbers), groups of clips that answer for each other, and several captions per
clip. Scores are made and dropped in blocks of rows, so that memory grows with N and not with N².
"""

from collections.abc import Iterator, Sequence

import numpy as np

from vatt.metrics.screened import ScreenedRanks
from vatt.unit_rows import finite_rows, unit_rows

BLOCK_ROWS = 512  # rows of scores held at a time: 512 x 100,000 float64 are 0.4 GB


def relevance_ids(groups: Sequence[str]) -> np.ndarray:
    """Ids that make clips of one group relevant to each other.

    Args:
        groups: N group names; an empty one belongs to no group, and that clip answers only for itself.

    Returns:
        int64 [N]: equal exactly where two clips share a non-empty group, or are the same clip.
    """
    numbers: dict[tuple[str, int], int] = {}
    keys = [(group, -1) if group else ("", row) for row, group in enumerate(groups)]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def relevant_counts(query_ids: np.ndarray, gallery_ids: np.ndarray) -> np.ndarray:
    """How many gallery items have each query's id, int64 [Q] of ids [Q], [N]; refuses a query with none."""
    query_ids, gallery_ids = np.asarray(query_ids), np.asarray(gallery_ids)
    if not gallery_ids.size:
        raise ValueError("A retrieval gallery must hold at least one item. Received: an empty one.")
    known, counts = np.unique(gallery_ids, return_counts=True)
    place = np.minimum(np.searchsorted(known, query_ids), known.size - 1)
    found = np.where(known[place] == query_ids, counts[place], 0)
    if not found.all():
        lost = np.flatnonzero(found == 0)
        raise ValueError(
            "Every query must have a relevant item in the gallery, else its rank means nothing. "
            f"Received: {lost.size} of {found.size} queries without one, the first is query {lost[0]} "
            f"(id {query_ids[lost[0]]}). Leave such queries out before ranking."
        )
    return found


def _comparable_rows(queries, gallery, normalise):
    prepare = unit_rows if normalise else finite_rows
    queries, gallery = prepare(queries, "queries"), prepare(gallery, "gallery")
    if queries.shape[1] != gallery.shape[1]:
        raise ValueError(
            "Queries and gallery must be in one space. Received: widths "
            f"{queries.shape[1]} and {gallery.shape[1]}. Take both from one space of one model."
        )
    return queries, gallery


def score_blocks(
    queries: np.ndarray, gallery: np.ndarray, *, normalise: bool = True, block_rows: int = BLOCK_ROWS
) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (first row, similarities float32 [R, N]) for consecutive blocks of queries.

    They are cosines or, without `normalise`, plain products: of means of unit vectors they are the mean
    cosine over all pairs of what the means are of.

    Products are summed in float64 and rounded to float32 at the end: matrix kernels treat edge columns
    differently, and without the rounding two equal embeddings could differ in the last bit and hide a tie.
    """
    queries, gallery = _comparable_rows(queries, gallery, normalise)
    for first in range(0, len(queries), block_rows):
        yield first, (queries[first : first + block_rows] @ gallery.T).astype(np.float32)


def ranks_from_scores(scores: np.ndarray, query_ids: np.ndarray, gallery_ids: np.ndarray) -> np.ndarray:
    """Rank of the best relevant item of each query, 1 = first.

    Ties count against the model: an irrelevant item with the same score stands before the relevant one, so
    that a collapsed model (all scores equal) ranks last and not first.

    Args:
        scores: [Q, N], higher is more alike; NaN is refused.
        query_ids: integers [Q].
        gallery_ids: integers [N].

    Returns:
        int64 [Q] in [1, N].
    """
    scores, query_ids, gallery_ids = np.asarray(scores), np.asarray(query_ids), np.asarray(gallery_ids)
    if scores.shape != (query_ids.size, gallery_ids.size):
        raise ValueError(
            "`scores` must have a row per query and a column per item. "
            f"Received: shape {scores.shape} for {query_ids.size} queries and {gallery_ids.size} items."
        )
    if np.isnan(scores).any():
        row, column = np.argwhere(np.isnan(scores))[0]
        raise ValueError(
            f"`scores` must not hold NaN. Received: NaN at query {row}, item {column}. Check the weights "
            f"that made them."
        )
    relevant_counts(query_ids, gallery_ids)
    relevant = query_ids[:, None] == gallery_ids[None, :]
    best = np.where(relevant, scores, -np.inf).max(axis=1, keepdims=True)
    return 1 + np.count_nonzero((scores >= best) & ~relevant, axis=1).astype(np.int64)


def ranks_from_embeddings(
    queries: np.ndarray,
    gallery: np.ndarray,
    query_ids: np.ndarray,
    gallery_ids: np.ndarray,
    *,
    normalise: bool = True,
    block_rows: int = BLOCK_ROWS,
) -> np.ndarray:
    """`ranks_from_scores` of the similarity, in blocks, at about the price of a float32 product.

    Args:
        queries: [Q, D], of any length, finite.
        gallery: [N, D], likewise.
        query_ids: integers [Q].
        gallery_ids: integers [N].
        normalise: see `score_blocks`.
        block_rows: queries scored at a time.

    Returns:
        int64 [Q] in [1, N].
    """
    queries, gallery = _comparable_rows(queries, gallery, normalise)
    query_ids, gallery_ids = np.asarray(query_ids), np.asarray(gallery_ids)
    if (query_ids.size, gallery_ids.size) != (len(queries), len(gallery)):
        raise ValueError(
            f"Every query and every item must have an id. Received: {query_ids.size} ids for {len(queries)} "
            f"queries, {gallery_ids.size} for {len(gallery)} items."
        )
    relevant_counts(query_ids, gallery_ids)
    screened = ScreenedRanks(queries, gallery, query_ids, gallery_ids)
    ranks = np.zeros(len(queries), np.int64)
    for first in range(0, len(queries), block_rows):
        block = slice(first, min(first + block_rows, len(queries)))
        found = screened.of_block(block.start, block.stop)
        if found is None:
            scores = (queries[block] @ gallery.T).astype(np.float32)
            found = ranks_from_scores(scores, query_ids[block], gallery_ids)
        ranks[block] = found
    return ranks


def recall_at_k(ranks: np.ndarray, k: int) -> float:
    """Share of queries whose first right item is among the first `k`, in [0, 1]; ranks [Q], from 1."""
    if k < 1:
        raise ValueError(f"`k` must be at least 1: ranks start at 1. Received: k={k}.")
    return float(np.mean(_some(ranks) <= k))


def median_rank(ranks: np.ndarray) -> float:
    """Median of ranks [Q], 1 = first; the mean of the middle two for an even number of queries."""
    return float(np.median(_some(ranks)))


def mean_rank(ranks: np.ndarray) -> float:
    """Mean of ranks [Q], 1 = first."""
    return float(np.mean(_some(ranks)))


def _some(ranks: np.ndarray) -> np.ndarray:
    ranks = np.asarray(ranks)
    if not ranks.size:
        raise ValueError("A retrieval figure needs at least one query. Received: none.")
    return ranks
