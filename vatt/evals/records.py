"""Rows of batches back to the records they show: several views of a record are one example.

A record's views are rows that follow one another, over the ends of batches too. Nothing here trusts the
order: rows of one example index belong together, and a view that comes twice or is missing is an error, so
that no example is dropped or counted twice whatever the batch size.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from vatt import spec


@dataclasses.dataclass(frozen=True, kw_only=True)
class Records:
    """Which of M rows show which of N records.

    Args:
        owners: int64 [M] in [0, N), the record of each row; records are numbered as they appear.
        first_rows: int64 [N], the first row of each.
        views: rows of every record, V.
    """

    owners: np.ndarray
    first_rows: np.ndarray
    views: int

    def __len__(self) -> int:
        return len(self.first_rows)


def group_rows(example_index: np.ndarray, views: np.ndarray | None) -> Records:
    """Finds the records of rows.

    Args:
        example_index: int64 [M], `spec.EXAMPLE_INDEX` of each row.
        views: int32 [M], `spec.VIEW` of each row; None where the batches have none: a row is a record.
    """
    example_index = np.asarray(example_index)
    _, first, inverse = np.unique(example_index, return_index=True, return_inverse=True)
    by_appearance = np.argsort(first, kind="stable")
    number = np.empty(len(first), np.int64)
    number[by_appearance] = np.arange(len(first))
    owners = number[inverse]
    counts = np.bincount(owners, minlength=len(first))
    if views is not None:
        pairs = np.stack([owners, np.asarray(views)], axis=1)
        repeated = len(np.unique(pairs, axis=0)) < len(pairs)
    else:
        repeated = bool((counts > 1).any())
    if repeated or (counts != counts.max(initial=0)).any():
        odd = int(np.flatnonzero(counts != np.median(counts))[0]) if len(set(counts)) > 1 else 0
        raise ValueError(
            f"An evaluation must show every example once, with as many views as any other, distinguished by "
            f"{spec.VIEW!r}. Received: {len(example_index)} rows of {len(first)} examples; example "
            f"{example_index[first[by_appearance]][odd]} has {counts[odd]}"
            f"{'' if views is not None else f', and the batches have no {spec.VIEW!r}'}. "
            "Check the dataset's `eval_batches`."
        )
    return Records(owners=owners, first_rows=first[by_appearance], views=int(counts.max(initial=1)))


def mean_by_record(rows: np.ndarray, owners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of the rows of each record, in their order, so that no figure depends on the batch size.

    Args:
        rows: float [M, D].
        owners: int64 [M], the record of each row.

    Returns:
        (the records that occur, int64 [N], ascending; float64 [N, D]).
    """
    if not len(rows):
        return np.zeros(0, np.int64), np.zeros((0, *rows.shape[1:]))
    order = np.argsort(owners, kind="stable")
    found, starts, counts = np.unique(owners[order], return_index=True, return_counts=True)
    sums = np.add.reduceat(rows[order].astype(np.float64), starts, axis=0)
    return found, sums / counts[:, None]


class BrokenModelError(ValueError):
    """The model gives NaN or infinity: its fault and not the media's, so the job stops."""


def refuse_broken(vectors: np.ndarray, name: str, clip_ids: Sequence[str]) -> None:
    """Raises BrokenModelError unless all of an output's rows, [M, …] of M clips, are finite."""
    broken = np.flatnonzero(
        ~np.isfinite(vectors.reshape(len(vectors), -1 if len(vectors) else 0)).all(axis=1)
    )
    if broken.size:
        raise BrokenModelError(
            f"Outputs of the model must be finite. Received: NaN or infinity in {name!r} of clip "
            f"{clip_ids[broken[0]]!r}. Either its content or the weights are broken; "
            "look at `loss` and `gradient_norm` in the journal."
        )


def texts(values: Any, rows: np.ndarray) -> list[str]:
    """Rows of a batch's feature of strings."""
    return [value.decode("utf-8", errors="replace") for value in np.asarray(values)[rows]]
