"""What an index answers to a query; the command, the page and the API ask here.

Text, video or audio as query, video or audio as result.
"""

import dataclasses

import numpy as np

from vatt import spec
from vatt.search.exact import best, scores
from vatt.search.index import Index, Place
from vatt.search.query import Query

TARGETS = (spec.VIDEO, spec.AUDIO)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is wanted of an answer.

    Attributes:
        target: "video" or "audio", by what of them windows are found; None: "video", or "audio" where the
            index has no video.
        count: of hits, at most.
        one_per_file: of each file only its best window.

    Raises:
        ValueError: `count` is below 1.
    """

    target: str | None = None
    count: int = 10
    one_per_file: bool = False

    def __post_init__(self):
        if self.count < 1:
            raise ValueError(f"At least one result must be asked for. Received: {self.count}.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hit:
    """A window that was found; `score` is the cosine in [-1, 1]."""

    score: float
    place: Place


@dataclasses.dataclass(frozen=True, kw_only=True)
class Found:
    """What a query found, best first."""

    hits: tuple[Hit, ...]  # the windows
    target: str  # "video" or "audio": by what of them they were found
    notes: tuple[str, ...]  # what the asker should know, in words


def answer(index: Index, query: Query, wanted: Wanted = Wanted()) -> Found:  # noqa: B008 (frozen)
    """The windows of an index that are nearest to a query.

    Args:
        index: of the same model as the query.
        query: what is asked, see `text_query` and `file_query`.
        wanted: how many, by what.

    Raises:
        ValueError: no window has what `wanted.target` names.
    """
    target = wanted.target
    if target is None:
        target = spec.VIDEO if index.has(spec.VIDEO).any() else spec.AUDIO
    present = index.has(target)
    searched = int(np.count_nonzero(present))
    if not searched:
        raise ValueError(
            f"The index must hold what is searched. Received: a search by {target}, but no window in "
            f"{index.directory} has any. Search by {_other(target)}: --by {_other(target)}."
        )
    notes = list(query.notes)
    if searched < index.rows:
        notes.append(
            f"{index.rows - searched} of {index.rows} windows have no {target} and were not searched"
        )
    space = space_of(query.modality)
    matrix = index.vectors(f"{target}/{space}")
    assert matrix is not None, "some window has the modality, so its vectors are there"
    values = scores(matrix, query.vectors[space], present)
    rows = best(values, wanted.count, index.file_numbers() if wanted.one_per_file else None)
    hits = tuple(Hit(score=float(values[row]), place=index.place(row)) for row in rows)
    return Found(hits=hits, target=target, notes=tuple(notes))


def _other(target: str) -> str:
    return spec.AUDIO if target == spec.VIDEO else spec.VIDEO


def space_of(query_modality: str) -> str:
    """The space in which a query is compared: text is in one space only; video and audio meet where both were
    trained."""
    return spec.VIDEO_TEXT if query_modality == spec.TEXT else spec.VIDEO_AUDIO
