"""Approximate search among very many rows: FAISS's inverted lists of 8-bit codes.

A query is compared with the rows of the lists nearest to it alone, and the best of these exactly: a score is
never approximate, but a row of another list is missed. How many are missed is measured when lists are made.
"""

import dataclasses
import importlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vatt import spec
from vatt.prepare.progress import say
from vatt.search.layout import lists_path

LEAST_ROWS = 50_000  # fewer are searched exactly in a millisecond
_TRAINED = 40  # rows for each list that its centre is fitted to
_QUERIES, _NEAREST, _AIM = 100, 10, 0.99  # that recall is measured by, and how much is enough
_MORE = 4  # rows that are compared exactly, for each that is wanted
_GROWN = 2  # times as many rows as centres were fitted to: they are fitted anew
_MOVED = 0.6  # of their length, that rows are moved by which ask: 0.86 is left of the cosine
_BLOCK_ROWS = 65_536


@dataclasses.dataclass(frozen=True, kw_only=True)
class Before:
    """Lists of the generation before, to be brought up to date."""

    path: Path
    trained: int  # rows that there were when centres were fitted
    moved: np.ndarray  # int64 [rows before]: the row that it is now; -1: it is gone


@dataclasses.dataclass(frozen=True, kw_only=True)
class Generation:
    """The generation before of an index, all of it."""

    folder: Path
    facts: Mapping[str, Any]
    moved: np.ndarray  # see `Before`

    def before(self, name: str) -> Before | None:
        """The lists of "modality/space", if there were any."""
        known = (self.facts.get("lists") or {}).get(name)
        if known is None:
            return None
        return Before(path=lists_path(self.folder, name), trained=known["trained"], moved=self.moved)


class Lists:
    """Lists of the rows of a matrix, mapped.

    Args:
        path: written by `write_lists`.
        probes: lists that a query looks at.
        recall: share of the ten nearest that are found, as measured when the lists were made.

    Raises:
        ValueError: FAISS is not installed.
    """

    def __init__(self, path: Path, *, probes: int, recall: float, **_: Any):
        self.probes, self.recall = probes, recall
        faiss = faiss_or_why("`--approximate`")
        self._lists = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)

    def candidates(self, query: np.ndarray, present: np.ndarray, count: int) -> np.ndarray:
        """Rows, in order, that most of the `count` nearest are among; see `Screen.candidates`."""
        return np.sort(_found(self._lists, query[np.newaxis], self.probes, _MORE * count)[0])

    @property
    def about(self) -> str:
        """What who asks should know."""
        return (
            f"approximate: the nearest windows of {self.probes} of {self._lists.nlist:,} lists; of the ten "
            f"nearest {100 * self.recall:.1f} % were found when these were made"
        )


def faiss_or_why(asked: str) -> Any:
    """The package `faiss`, set to one thread.

    Raises:
        ValueError: it is not installed.
    """
    try:
        faiss = importlib.import_module("faiss")
    except ImportError:
        raise ValueError(
            f"{asked} needs FAISS. Received: an environment without it. Install it: "
            "pip install 'vatt[approximate]'."
        ) from None
    faiss.omp_set_num_threads(1)
    return faiss


def write_all_lists(folder: Path, columns: Mapping[str, np.ndarray], old: Generation | None) -> dict:
    """Makes the lists of a generation of rows, or brings those of the one before up to date.

    Args:
        columns: of the new generation, in `folder`.

    Returns:
        "modality/space" -> see `write_lists`; those with fewer rows than `LEAST_ROWS` are left out.
    """
    made = {}
    for name, (modality, space) in ((name, name.split("/")) for name in columns if "/" in name):
        present = np.asarray(columns[f"has_{modality}"])
        if np.count_nonzero(present) < LEAST_ROWS:
            say(f"{name} has fewer than {LEAST_ROWS:,} windows: they are searched exactly, without lists")
            continue
        # What asks is of another modality: where the index has one, its windows ask.
        other = spec.AUDIO if modality == spec.VIDEO else spec.VIDEO
        asking, queries = np.flatnonzero(columns[f"has_{other}"]), columns.get(f"{other}/{space}")
        if queries is not None and len(asking) >= _QUERIES:
            queries = _of(queries, asking[:: len(asking) // _QUERIES][:_QUERIES])
        else:
            queries = None
        before = None if old is None else old.before(name)
        made[name] = write_lists(lists_path(folder, name), columns[name], present, queries, before)
    return made


def write_lists(
    path: Path, matrix: np.ndarray, present: np.ndarray, queries: np.ndarray | None, before: Before | None
) -> dict[str, Any]:
    """Makes the lists of a matrix.

    Args:
        matrix: float [N, D], rows of unit length; may be mapped.
        present: bool [N]: rows that exist.
        queries: float [Q, D] to measure recall by; None: some of the rows, moved at random by `_MOVED`
            of their length.
        before: lists that are brought up to date where they can be; None: there are none.

    Returns:
        The other arguments of `Lists`, and `trained` of `Before`.
    """
    faiss = faiss_or_why("`--approximate`")
    rows, trained = np.flatnonzero(present), 0 if before is None else before.trained
    if before is not None and len(rows) <= _GROWN * before.trained:
        lists, new = _updated(faiss, before, len(present))
        rows = rows[new[rows]]
    else:
        trained, count = len(rows), 2 ** round(math.log2(math.sqrt(len(rows))))
        lists = faiss.index_factory(matrix.shape[1], f"IVF{count},SQ8", faiss.METRIC_INNER_PRODUCT)
        drawn = np.random.default_rng(0).permutation(trained)[: _TRAINED * count]
        lists.train(_of(matrix, rows[np.sort(drawn)]))
    for first in range(0, len(rows), _BLOCK_ROWS):
        block = rows[first : first + _BLOCK_ROWS]
        lists.add_with_ids(_of(matrix, block), block)
    probes, recall = _measured(lists, matrix, present, queries)
    faiss.write_index(lists, str(path))
    say(f"Lists of {path.stem}: {lists.nlist:,}, {len(rows):,} rows added, recall {100 * recall:.1f} %")
    return {"probes": probes, "recall": recall, "trained": trained}


def _updated(faiss: Any, before: Before, rows: int) -> tuple[Any, np.ndarray]:
    """(the lists with the rows of now, those that are gone left out; bool [rows], which are not in them)."""
    lists = faiss.read_index(str(before.path))
    lists.remove_ids(np.flatnonzero(before.moved < 0))
    new = np.ones(rows, bool)
    for number in range(lists.nlist):
        size = lists.invlists.list_size(number)
        if size:
            ids = faiss.rev_swig_ptr(lists.invlists.get_ids(number), size)
            ids[:] = before.moved[ids]
            new[ids] = False
    return lists, new


def _measured(
    lists: Any, matrix: np.ndarray, present: np.ndarray, queries: np.ndarray | None
) -> tuple[int, float]:
    """(the fewest probes by which enough is found, what share of the nearest is found by them)."""
    if queries is None:
        draw, rows = np.random.default_rng(1), np.flatnonzero(present)
        queries = _of(matrix, rows[:: max(1, len(rows) // _QUERIES)][:_QUERIES])
        queries = queries + draw.normal(size=queries.shape) * _MOVED / math.sqrt(queries.shape[1])
    nearest, probes = _nearest(matrix, present, queries), 8
    while True:
        found = _found(lists, queries, probes, _MORE * _NEAREST)
        shares = [np.isin(right, each).mean() for right, each in zip(nearest, found, strict=True)]
        recall = float(np.mean(shares))
        if recall >= _AIM or probes >= lists.nlist:
            return probes, recall
        probes = min(2 * probes, lists.nlist)


def _nearest(matrix: np.ndarray, present: np.ndarray, queries: np.ndarray) -> list[np.ndarray]:
    """The `_NEAREST` rows of each query by all products."""
    values = np.full((len(queries), 1), -np.inf, np.float32)
    rows = np.full(values.shape, -1)
    for first in range(0, len(matrix), _BLOCK_ROWS):
        block = np.asarray(matrix[first : first + _BLOCK_ROWS], np.float32)
        products = queries @ block.T
        products[:, ~present[first : first + len(block)]] = -np.inf
        numbers = np.broadcast_to(np.arange(first, first + len(block)), products.shape)
        values, rows = np.concatenate([values, products], 1), np.concatenate([rows, numbers], 1)
        kept = np.argpartition(-values, min(_NEAREST, values.shape[1]) - 1, axis=1)[:, :_NEAREST]
        values, rows = np.take_along_axis(values, kept, 1), np.take_along_axis(rows, kept, 1)
    return [each[value > -np.inf] for each, value in zip(rows, values, strict=True)]


def _found(lists: Any, queries: np.ndarray, probes: int, count: int) -> list[np.ndarray]:
    """Rows of each query, the nearest first by their codes."""
    faiss = faiss_or_why("`--approximate`")
    asked = np.ascontiguousarray(queries, np.float32)
    parameters = faiss.SearchParametersIVF(nprobe=probes)
    _, rows = lists.search(asked, min(count, max(1, lists.ntotal)), params=parameters)
    return [each[each >= 0] for each in rows]


def _of(matrix: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(matrix[rows], np.float32)
