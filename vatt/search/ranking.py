"""Windows in the order in which a query finds them: by what is seen or heard, by what is said, or by both."""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from vatt.search.approximate import Lists
from vatt.search.captions import Said
from vatt.search.exact import best, scores
from vatt.search.index import Index
from vatt.search.query import Query
from vatt.search.screen import Screen

_CONSTANT = 60  # of reciprocal rank fusion (Cormack et al. 2009)
_SAID = 200  # captions that are ranked
_SAMPLED = 4096  # rows that tell what score is usual


class Vectors:
    """Rows by their cosine with a query.

    Args:
        matrix: float [N, D], rows of unit length; may be mapped.
        query: float32 [D] of unit length.
        present: bool [N]: rows that exist.
        screen: of the matrix, with which the answers are the same, and sooner; or its lists, with which they
            are approximate.
    """

    def __init__(
        self,
        matrix: np.ndarray,
        query: np.ndarray,
        present: np.ndarray,
        screen: Screen | Lists | None = None,
    ):
        self._matrix, self._query, self.present = matrix, query, present
        self._screen = screen

    @functools.cached_property
    def _values(self) -> np.ndarray:
        return scores(self._matrix, self._query, self.present)

    def best(self, count: int) -> np.ndarray:
        """int64 [up to `count`], the best first; of equal ones the earlier row."""
        if self._screen is None:
            return best(self._values, count)
        rows = self._screen.candidates(self._query, self.present, count)
        return rows[best(self.scores(rows), count)]

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """float32 [n], -inf for rows that do not exist."""
        if self._screen is None:
            return self._values[rows]
        return scores(self._matrix[rows], self._query, self.present[rows])

    def usual(self) -> float:
        """The median of all, or of some evenly spread."""
        count = len(self.present)
        values = self.scores(np.arange(0, count, max(1, count // _SAMPLED)))
        return float(np.median(values[values > -np.inf])) if (values > -np.inf).any() else -np.inf


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ranked:
    """Rows in their order, and what found each.

    Attributes:
        rows: int64 [n].
        by_vectors: bool [n].
        said: row -> the best caption of it that was found.
        is_all: whether there are no more.
    """

    rows: np.ndarray
    by_vectors: np.ndarray
    said: dict[int, Said]
    is_all: bool


def ranker(index: Index, query: Query, vectors: Vectors | None, *, is_said: bool) -> Callable[[int], Ranked]:
    """A function that gives the first rows of a ranking, at least as many as asked for if there are."""
    said = _said(index, query) if is_said else {}

    def ranked(count: int) -> Ranked:
        seen = vectors.best(count) if vectors is not None else np.zeros(0, np.int64)
        is_all = vectors is None or len(seen) < count
        if not said:
            return Ranked(rows=seen, by_vectors=np.ones(len(seen), bool), said={}, is_all=is_all)
        fused: dict[int, float] = {}
        for rows in (seen.tolist(), said):
            for rank, row in enumerate(rows, start=1):
                fused[row] = fused.get(row, 0.0) + 1 / (_CONSTANT + rank)
        order = np.array(sorted(fused, key=lambda row: (-fused[row], row)), np.int64)
        return Ranked(rows=order, by_vectors=np.isin(order, seen), said=said, is_all=is_all)

    return ranked


def _said(index: Index, query: Query) -> dict[int, Said]:
    """Row -> caption, in the order of the captions: those with all words; without any, those with all words
    that the model does not know.
    """
    if index.captions is None:
        return {}
    found = index.captions.find(query.words, _SAID)
    if not found and query.unknown:
        found = index.captions.find(query.unknown, _SAID)
    rows: dict[int, Said] = {}
    for said in found:
        row = _row_at(index, said)
        if row is not None:
            rows.setdefault(row, said)
    return rows


def _row_at(index: Index, said: Said) -> int | None:
    """The window that shares most of a caption's time; the first, if it describes the whole file."""
    rows = index.rows_of(said.number)
    if not rows:
        return None
    starts, ends = (index.columns[name][rows.start : rows.stop] for name in ("start_seconds", "end_seconds"))
    shared = np.minimum(ends, said.end_seconds) - np.maximum(starts, said.start_seconds)
    return rows.start + int(shared.argmax())
