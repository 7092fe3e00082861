"""Exact ranks at the price of a float32 product: what float32 can not distinguish is scored again in float64.

A float32 product of n terms is off by at most about n · 2⁻²⁴ · |q| · |g| whatever the order of its sum
(Higham, Accuracy and Stability of Numerical Algorithms, 3.1). Items further than that from the best right one
are counted by comparing; the few within are scored anew, each as one sum of products in one order, so that
equal embeddings tie to the last bit.
"""

import numpy as np

from vatt.unit_rows import row_norms

UNIT_ROUNDOFF = 2.0**-24  # of float32
# Roundings in addition to those of the sum: both factors to float32, the scores compared to float32, and of
# this bound.
_MORE_ROUNDINGS = 8
# A score made anew costs as much as some hundred made by a matrix product.
_AFFORDABLE_SHARE = 1 / 128
_PAIRS_AT_ONCE = 4096


def exact_scores(queries: np.ndarray, gallery: np.ndarray, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Products of pairs of rows, summed in float64 and rounded once.

    Args:
        queries, gallery: float64 [Q, D] and [N, D].
        rows, items: integers [P], the pairs.

    Returns:
        float32 [P]; equal for equal embeddings, wherever they stand.
    """
    made = np.empty(len(rows), np.float32)
    for first in range(0, len(rows), _PAIRS_AT_ONCE):
        part = slice(first, first + _PAIRS_AT_ONCE)
        products = gallery[items[part]]
        products *= queries[rows[part]]
        made[part] = products.sum(axis=1)
    return made


class ScreenedRanks:
    """Ranks of queries in one gallery, a block of queries at a time; ties count against the model.

    Args:
        queries: float64 [Q, D], finite.
        gallery: float64 [N, D], finite.
        query_ids, gallery_ids: integers [Q] and [N], equal where relevant; each query has a relevant item.
    """

    def __init__(
        self, queries: np.ndarray, gallery: np.ndarray, query_ids: np.ndarray, gallery_ids: np.ndarray
    ):
        # Scaled by powers of two, which changes no rounding: a float32 reaches no further than 10³⁸.
        queries, query_norms = _to_about_one(queries, row_norms(queries))
        gallery, norm = _to_about_one(gallery, row_norms(gallery).max(keepdims=True))
        self._queries, self._gallery = queries, gallery
        self._rough_queries = queries.astype(np.float32)
        self._rough_gallery = gallery.astype(np.float32).T
        self._margins = (gallery.shape[1] + _MORE_ROUNDINGS) * UNIT_ROUNDOFF * (query_norms * norm)[:, 0]
        self._query_ids, self._gallery_ids = query_ids, gallery_ids
        # The relevant items of query i are `_by_id[_starts[i] : _ends[i]]`.
        self._by_id = np.argsort(gallery_ids, kind="stable")
        in_order = gallery_ids[self._by_id]
        self._starts = np.asarray(np.searchsorted(in_order, query_ids, side="left"))
        self._ends = np.asarray(np.searchsorted(in_order, query_ids, side="right"))
        self._scores, self._mask = np.empty((0, 0), np.float32), np.empty((0, 0), bool)

    def of_block(self, first: int, last: int) -> np.ndarray | None:
        """Ranks of queries `first` to `last` - 1, int64 [R] in [1, N].

        None where ties with the best correct item in float32 are so frequent that scoring all items in
        float64 is cheaper: a model that has collapsed.
        """
        count, size = last - first, len(self._gallery)
        if len(self._scores) < count:
            self._scores, self._mask = np.empty((count, size), np.float32), np.empty((count, size), bool)
        scores, mask, margins = self._scores[:count], self._mask[:count], self._margins[first:last]
        np.matmul(self._rough_queries[first:last], self._rough_gallery, out=scores)
        best = self._best_relevant(scores, first, last)
        if best is None:
            return None
        low, high = _outward(best - margins, best + margins)

        np.greater_equal(scores, low[:, np.newaxis], out=mask)
        affordable = _AFFORDABLE_SHARE * scores.size
        if np.count_nonzero(mask) > affordable:
            is_above = scores > high[:, np.newaxis]
            # A row at a time: along an axis numpy counts several times slower.
            surely_above = np.array([np.count_nonzero(row) for row in is_above])
            mask ^= is_above
            if np.count_nonzero(mask) > affordable:
                return None
            rows, items = _true_places(mask)
        else:
            rows, items = _true_places(mask)
            is_above = scores[rows, items] > high[rows]
            surely_above = np.bincount(rows[is_above], minlength=count)
            rows, items = rows[~is_above], items[~is_above]
        is_other = self._query_ids[rows + first] != self._gallery_ids[items]
        rows, items = rows[is_other], items[is_other]
        ties_or_better = exact_scores(self._queries, self._gallery, rows + first, items) >= best[rows]
        return 1 + surely_above + np.bincount(rows[ties_or_better], minlength=count)

    def _best_relevant(self, scores, first, last):
        """The exact score of each query's best relevant item, float64 [R]; None where too many may be it."""
        starts, counts = self._starts[first:last], (self._ends - self._starts)[first:last]
        ends = np.cumsum(counts)
        rows = np.repeat(np.arange(last - first), counts)
        items = self._by_id[np.arange(ends[-1]) + np.repeat(starts - (ends - counts), counts)]
        rough = scores[rows, items].astype(np.float64)
        highest = np.maximum.reduceat(rough, ends - counts)
        may_be_best = rough >= (highest - 2 * self._margins[first:last])[rows]
        rows, items = rows[may_be_best], items[may_be_best]
        if len(rows) > (last - first) + _AFFORDABLE_SHARE * scores.size:
            return None
        best = np.full(last - first, -np.inf)
        np.maximum.at(best, rows, exact_scores(self._queries, self._gallery, rows + first, items))
        return best


def _to_about_one(vectors, norms):
    """Vectors and their norms, divided by the largest power of two that the norms reach."""
    _, exponents = np.frexp(norms)
    exponents = exponents - 1  # a norm of 1 is 0.5 · 2¹, and stays 1
    if not exponents.any():
        return vectors, norms
    return np.ldexp(vectors, -exponents), np.ldexp(norms, -exponents)


def _outward(low, high):
    """Bounds as float32, each rounded away from the other."""
    return (
        np.nextafter(low.astype(np.float32), np.float32(-np.inf)),
        np.nextafter(high.astype(np.float32), np.float32(np.inf)),
    )


def _true_places(mask):
    """Rows and columns of what is true."""
    return np.divmod(np.flatnonzero(mask), mask.shape[1])
