"""Retrieval on the page: a sentence for the head, the table of directions, the gallery."""

from collections.abc import Iterable

from vatt.report import scales
from vatt.report.along import Charts
from vatt.report.contrast import (
    PAIRED,
    UNPAIRED,
    Contrast,
    Row,
    contrast_table,
    paired,
    rank_row,
    share_row,
)
from vatt.report.document import guarded
from vatt.report.evaluation import Evaluation
from vatt.report.gallery import gallery
from vatt.report.markup import Markup, element, join
from vatt.report.tables import folded, retrieval_table

_HEADLINES = ("text_to_video", "audio_to_video")
_EXACT = "Exact instance: only the query's own clip"
GROUPS_NOTE = "Clips of one group resemble each other, so the true uncertainty is somewhat wider."
_BAR_LEGEND = (
    "Bar: the metric. Thin line: its 95\u202f% interval. Red tick: chance. Derived: audio and text are never "
    "trained against each other; audio embeddings are mapped by the video–text head of the video."
)
_GALLERY_NOTE = (
    "The five nearest clips of each query, nearest first, each as frames from its beginning to its end. "
    "Queries are drawn at random, half among those that were right at once and half among the others as far "
    "as there are any, so their share here says nothing about how often the model is right."
)


def summary(evaluation: Evaluation) -> Iterable[Markup]:
    """What someone who reads one sentence should know."""
    artifact = evaluation.artifact
    for one in artifact["directions"]:
        if one["name"] in _HEADLINES:
            figures, k = one["figures"], min(artifact["ranks"])
            where = "first" if k == 1 else f"among the first {k}"
            answer = "a right clip" if artifact["grouped"] else "the right clip"
            value = element("b", scales.percent(figures[f"recall_at_{k}"], 0))
            chance = scales.percent(figures[f"chance_recall_at_{k}"])
            said = f"{one['label'].capitalize()} finds {answer} {where} in "
            yield join([said, value, f" of {one['queries']} queries; chance is {chance}."])


def section(evaluation: Evaluation) -> Markup:
    """The table, the same for the exact instance, and what was found."""
    artifact = evaluation.artifact
    directions, ranks, grouped = artifact["directions"], artifact["ranks"], artifact["grouped"]
    answer = "any clip of the query's group" if grouped else "the query's own clip (there are no groups)"
    each = "its first caption" if artifact["captions"] == "first" else "every one of its captions"
    said = (
        f"{evaluation.when}{artifact['clips']:,} clips, compared by cosine similarity. A right answer is "
        f"{answer}. As text, a clip is represented by {each}."
    )
    found = guarded("The gallery", gallery, artifact)
    return element(
        "div",
        element("p", said),
        retrieval_table(directions, ranks, "figures"),
        element("p", _BAR_LEGEND, class_="note"),
        folded(_EXACT, retrieval_table(directions, ranks, "exact_clip")) if grouped else None,
        [element("h3", "What was found"), element("p", _GALLERY_NOTE), found] if found else None,
    )


def along(evaluation: Evaluation) -> Charts:
    """What is drawn along the training: the recalls of all directions."""
    artifact = evaluation.artifact
    return {
        f"R@{k}": {f"{one['name']}/recall_at_{k}": one["label"] for one in artifact["directions"]}
        for k in sorted(artifact["ranks"])[:2]
    }


def contrast(left: Evaluation, right: Evaluation) -> Contrast:
    """Every recall and rank of both, direction by direction; with the exact instance as answer, folded."""
    rows, in_pairs = _rows(left, right, "figures", "query_ranks")
    exact, _ = _rows(left, right, "exact_clip", "exact_clip_query_ranks")
    grouped = left.artifact["grouped"] or right.artifact["grouped"]

    def exact_instance(are_comparable: bool) -> Markup | None:
        return folded(_EXACT, contrast_table(exact, are_comparable=are_comparable)) if grouped else None

    note = (PAIRED if in_pairs else UNPAIRED).format("queries") + f" {GROUPS_NOTE}"
    return Contrast(rows=rows, note=note, more=exact_instance)


def _rows(left: Evaluation, right: Evaluation, which: str, ranks_name: str) -> tuple[list[Row], bool]:
    """The rows, and whether all intervals are of pairs."""
    sides = [{one["name"]: one for one in each.artifact["directions"]} for each in (left, right)]
    ranks_of_recall = sorted({k for each in (left, right) for k in each.artifact["ranks"]})
    rows, in_pairs = [], True
    for name in dict.fromkeys(name for side in sides for name in side):
        ones = [side.get(name) or {} for side in sides]
        label = next(one["label"] for one in ones if one)
        figures = [one[which] if one else {} for one in ones]
        counts = [one["queries"] if one else 0 for one in ones]
        ranks = paired(left, right, lambda artifact, name=name: _ranks(artifact, name, ranks_name))
        in_pairs &= ranks is not None
        for k in ranks_of_recall:
            values = [each.get(f"recall_at_{k}") for each in figures]
            outcomes = [[rank <= k for rank in each] for each in ranks] if ranks else None
            is_headline = name in _HEADLINES and k == ranks_of_recall[0]
            rows.append(share_row(f"{label}, R@{k}", values, counts, outcomes, is_headline=is_headline))
        rows.append(rank_row(f"{label}, median rank", [each.get("median_rank") for each in figures]))
        rows.append(rank_row(f"{label}, mean rank", [each.get("mean_rank") for each in figures], ranks))
    return rows, in_pairs


def _ranks(artifact: dict, name: str, ranks_name: str) -> list[int] | None:
    return next((one.get(ranks_name) for one in artifact["directions"] if one["name"] == name), None)
