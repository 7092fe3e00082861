"""What an index answers to a query; the command, the page and the API ask here.

Text, video or audio as query, video or audio as result. What is seen or heard, and what is said, are ranked
each on its own, then fused. Neighbouring windows are joined to scenes.
"""

import dataclasses
import math

import numpy as np

from vatt import spec
from vatt.search.approximate import LEAST_ROWS
from vatt.search.calibration import MODALITIES
from vatt.search.copies import RATE_HZ, Frames, find_copies
from vatt.search.excerpt_frames import frames_of_index
from vatt.search.index import Index, Place
from vatt.search.query import Query
from vatt.search.ranking import Ranked, Vectors, ranker

TARGETS = (spec.VIDEO, spec.AUDIO)
CAPTIONS = "captions"
COPY = "copy"
FOUND_BY = (*TARGETS, CAPTIONS)
MOST_FOR_PROGRAMS = 60  # hits of an answer over HTTP or to an assistant
_FIRST, _MORE = 100, 8  # rows that are ranked at first; how many times more where they make too few scenes
_TOUCHING_SECONDS = 1e-3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is wanted of an answer.

    Attributes:
        target: "video", "audio" or "captions", by what windows are found; None: "video", or "audio" where the
            index has no video, and for a text the captions too, where there are any.
        count: of hits, at most.
        most: that `count` may be; None: any.
        one_per_file: of each file only its best hit.
        at_least: probability that a hit must have; None: all.
        is_joined: whether neighbouring windows are joined to scenes.
        is_approximate: whether lists of near windows are searched, not all windows.

    Raises:
        ValueError: `count` is below 1 or above `most`, `target` is unknown, or `at_least` no probability.
    """

    target: str | None = None
    count: int = 10
    one_per_file: bool = False
    at_least: float | None = None
    is_joined: bool = True
    is_approximate: bool = False
    most: int | None = None

    def __post_init__(self):
        if self.count < 1 or self.most is not None and self.count > self.most:
            bounds = "1 or more" if self.most is None else f"1 to {self.most}"
            raise ValueError(f"A search must have a `count` of {bounds}. Received: {self.count}.")
        if self.target not in (None, *FOUND_BY):
            raise ValueError(f"A search is by {', '.join(FOUND_BY)}. Received: {str(self.target)[:40]!r}.")
        if self.at_least is not None and not 0 <= self.at_least <= 1:
            raise ValueError(f"`at_least` must be a probability, 0 to 1. Received: {self.at_least:g}.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hit:
    """A scene that was found: one window, or neighbouring ones of one shot."""

    place: Place  # its best window
    start_seconds: float  # of the scene
    end_seconds: float
    # cosine of the best window, or correlation of a copy, in [-1, 1]; None where its caption alone found it
    score: float | None
    found_by: tuple[str, ...]  # of `FOUND_BY`, or `COPY`
    probability: float | None  # that it answers the text, in [0, 1]; None where that is not known
    caption: str  # that was found; "" where none was
    is_heard: bool = False  # whether an engine has heard that caption, see `vatt.search.heard`


@dataclasses.dataclass(frozen=True, kw_only=True)
class Found:
    """What a query found, best first."""

    hits: tuple[Hit, ...]
    target: str  # "video", "audio", "captions" or "copy": by what they were found, captions aside
    notes: tuple[str, ...]  # what the asker should know, in words


def answer(index: Index, query: Query, wanted: Wanted = Wanted()) -> Found:  # noqa: B008 (frozen)
    """The scenes of an index that are nearest to a query.

    Args:
        index: of the same model as the query.
        query: what is asked, see `text_query` and `file_query`.
        wanted: how many, by what.

    Raises:
        ValueError: no window has what `wanted.target` names, no word is known to the model or said, or a
            probability is asked for and there is none.
    """
    target, notes = wanted.target or _default_target(index, query), list(query.notes)
    is_said = query.modality == spec.TEXT and wanted.target in (None, CAPTIONS) and index.captions is not None
    _check(index, query, wanted, is_said=is_said)
    if query.problem and is_said:
        notes.append("the model knows no word of the text; captions alone were searched")
    vectors = None
    if target != CAPTIONS and query.vectors:
        vectors, note = _vectors(index, query, target, is_approximate=wanted.is_approximate)
        notes += [note] if note else []
        searched = int(np.count_nonzero(vectors.present))
        if searched < index.rows:
            notes.append(
                f"{index.rows - searched} of {index.rows} windows have no {target} and were not searched"
            )
    scenes = _Scenes(index, query, vectors, target, wanted)
    ranked = ranker(index, query, vectors, is_said=is_said)
    rows = max(_FIRST, _MORE * wanted.count)
    while True:
        order = ranked(rows)
        hits = scenes.of(order)
        if len(hits) >= wanted.count or order.is_all:
            break
        rows *= _MORE
    if wanted.at_least is not None:
        hits, note = _probable(hits, wanted.at_least)
        notes.append(note)
    return Found(hits=tuple(hits[: wanted.count]), target=target, notes=tuple(notes))


def answer_copies(index: Index, excerpt: Frames, count: int = 10) -> Found:
    """Where in the files of an index an excerpt was taken from, see `vatt.search.copies`."""
    seconds, hits = float(excerpt.seconds[-1] - excerpt.seconds[0]) + 1 / RATE_HZ, []
    for copy in find_copies(excerpt, frames_of_index(index))[:count]:
        rows, end = index.rows_of(copy.number), copy.start_seconds + seconds
        starts = index.columns["start_seconds"][rows.start : rows.stop]
        row = max(rows.start, rows.start + int(np.searchsorted(starts, copy.start_seconds + 1e-6)) - 1)
        hits.append(
            Hit(
                place=index.place(row),
                start_seconds=max(0.0, copy.start_seconds),
                end_seconds=end,
                score=copy.score,
                found_by=(COPY,),
                probability=None,
                caption="",
            )
        )
    notes = () if hits else ("it is a copy of nothing in the index",)
    return Found(hits=tuple(hits), target=COPY, notes=notes)


def _default_target(index: Index, query: Query) -> str:
    if query.problem and index.captions is not None:
        return CAPTIONS
    return spec.VIDEO if index.has(spec.VIDEO).any() else spec.AUDIO


def _check(index: Index, query: Query, wanted: Wanted, *, is_said: bool) -> None:
    if query.problem and not is_said:
        raise ValueError(query.problem)
    if wanted.target == CAPTIONS and not is_said:
        what = "no file of the index has any" if index.captions is None else f"the query is {query.modality}"
        raise ValueError(
            f"A search by captions is of a text in an index with captions. Received: a search where {what}. "
            "Put caption files next to the media and run `vatt index` again, or search --by video."
        )
    if wanted.at_least is not None:
        if query.modality != spec.TEXT:
            raise ValueError(
                "A probability is known of answers to texts. Received: `--at_least` with a file. "
                "Leave it out."
            )
        if index.calibration is None:
            raise ValueError(
                f"A probability needs a calibration. Received: `--at_least` for {index.directory}, which has "
                "none. Fit one to media with captions: `vatt index DIR INDEX --calibrate_on CAPTIONED`."
            )


def _vectors(index: Index, query: Query, target: str, *, is_approximate: bool) -> tuple[Vectors, str]:
    """(the windows by their cosines, what to say of how they are searched)."""
    present = index.has(target)
    if not present.any():
        other = spec.AUDIO if target == spec.VIDEO else spec.VIDEO
        raise ValueError(
            f"The index must hold what is searched. Received: a search by {target}, but no window in "
            f"{index.directory} has any. Search by {other}: --by {other}."
        )
    space = space_of(query.modality)
    matrix = index.vectors(f"{target}/{space}")
    assert matrix is not None, "some window has the modality, so its vectors are there"
    screen, note = index.screen(f"{target}/{space}"), ""
    if is_approximate:
        lists = index.lists(f"{target}/{space}")
        screen, note = lists or screen, f"exact: fewer than {LEAST_ROWS:,} windows have no lists"
        note = note if lists is None else lists.about
    return Vectors(matrix, query.vectors[space], present, screen), note


def space_of(query_modality: str) -> str:
    """The space in which a query is compared: text is in one space only; video and audio meet where both were
    trained."""
    return spec.VIDEO_TEXT if query_modality == spec.TEXT else spec.VIDEO_AUDIO


class _Scenes:
    """Makes hits of rows: each is the best window of its scene."""

    def __init__(self, index: Index, query: Query, vectors: Vectors | None, target: str, wanted: Wanted):
        self._index, self._query, self._vectors = index, query, vectors
        self._target, self._wanted = target, wanted

    def of(self, ranked: Ranked) -> list[Hit]:
        """The first hits, as many as are wanted; all, where a probability is asked for."""
        usual = self._vectors.usual() if self._vectors is not None else -math.inf
        by_vectors = dict(zip(ranked.rows.tolist(), ranked.by_vectors.tolist(), strict=True))
        taken, files, hits = np.zeros(self._index.rows, bool), set(), []
        for row in ranked.rows.tolist():
            place = self._index.place(row)
            if taken[row] or self._wanted.one_per_file and place.number in files:
                continue
            scene, start, end = self._around(place, usual)
            taken[scene.start : scene.stop] = True
            files.add(place.number)
            found = [ranked.said[each] for each in scene if each in ranked.said]
            by = (self._target,) if any(by_vectors.get(each) for each in scene) else ()
            score = None
            if self._vectors is not None and self._vectors.present[row]:
                score = float(self._vectors.scores(np.array([row]))[0])
            hits.append(
                Hit(
                    place=place,
                    start_seconds=start,
                    end_seconds=end,
                    score=score,
                    found_by=by + ((CAPTIONS,) if found else ()),
                    probability=self._probability(row),
                    caption=found[0].text if found else "",
                    is_heard=bool(found) and self._index.files[place.number].get("heard", False),
                )
            )
            if self._wanted.at_least is None and len(hits) == self._wanted.count:
                break
        return hits

    def _around(self, best: Place, usual: float) -> tuple[range, float, float]:
        """(rows, start, end) of the scene: windows to both sides whose scores are nearer to that of the best
        than to what is usual, within its shot.
        """
        alone = range(best.row, best.row + 1), best.start_seconds, best.end_seconds
        if not self._wanted.is_joined or self._vectors is None or not self._vectors.present[best.row]:
            return alone
        rows = self._index.rows_of(best.number)
        starts, ends = (
            self._index.columns[name][rows.start : rows.stop] for name in ("start_seconds", "end_seconds")
        )
        values, at = self._vectors.scores(np.arange(rows.start, rows.stop)), best.row - rows.start
        shot_start, shot_end = self._index.shot(best.number, (best.start_seconds + best.end_seconds) / 2)
        is_in_shot = (starts < shot_end) & (ends > shot_start)
        belongs = (values >= (values[at] + usual) / 2) & is_in_shot
        follows = starts[1:] <= ends[:-1] + _TOUCHING_SECONDS
        first = last = at
        while first > 0 and belongs[first - 1] and follows[first - 1]:
            first -= 1
        while last + 1 < len(rows) and belongs[last + 1] and follows[last]:
            last += 1
        start, end = max(float(starts[first]), shot_start), min(float(ends[last]), shot_end)
        return range(rows.start + first, rows.start + last + 1), start, end

    def _probability(self, row: int) -> float | None:
        if self._index.calibration is None or self._query.modality != spec.TEXT or not self._query.vectors:
            return None
        query = self._query.vectors[spec.VIDEO_TEXT]
        cosines = {modality: np.array([math.nan]) for modality in MODALITIES}
        for modality in MODALITIES:
            matrix = self._index.vectors(f"{modality}/{spec.VIDEO_TEXT}")
            if matrix is not None and self._index.has(modality)[row]:
                cosines[modality] = np.array([np.dot(np.asarray(matrix[row], np.float32), query)])
        probability = float(self._index.calibration.probability(cosines, self._index.rows)[0])
        return None if math.isnan(probability) else probability


def _probable(hits: list[Hit], at_least: float) -> tuple[list[Hit], str]:
    """(hits that are as probable, or whose caption has the words; what to say)."""
    kept = [hit for hit in hits if CAPTIONS in hit.found_by or (hit.probability or 0.0) >= at_least]
    highest = max((hit.probability for hit in hits if hit.probability is not None), default=None)
    if kept or highest is None:
        unknown = sum(hit.probability is None for hit in hits)
        return kept, f"{len(hits) - len(kept)} of the {len(hits)} nearest are less probable" + (
            f", {unknown} of them of unknown probability" if unknown else ""
        )
    return kept, f"nothing found that is as probable as {at_least:g}; the most probable has {highest:.2f}"
