"""Retrieval on the page: a sentence for the head, the table of directions, the gallery."""

from collections.abc import Iterable

from vatt.report import scales
from vatt.report.contrast import (
    PAIRED,
    UNPAIRED,
    Contrast,
    Row,
    Sides,
    contrast_table,
    mean_row,
    paired,
    share_row,
)
from vatt.report.evaluation import Evaluation
from vatt.report.gallery import gallery
from vatt.report.guard import guarded
from vatt.report.markup import Markup, element, join
from vatt.report.reading import BAR_LEGEND, GALLERY_NOTE, GROUPS_NOTE
from vatt.report.tables import retrieval_table

_HEADLINES = ("text_to_video", "audio_to_video")


def summary(evaluation: Evaluation) -> Iterable[Markup]:
    """What someone who reads one sentence should know."""
    artifact = evaluation.artifact
    for one in artifact["directions"]:
        if one["name"] not in _HEADLINES:
            continue
        figures, k = one["figures"], min(artifact["ranks"])
        where = "first" if k == 1 else f"among the first {k}"
        answer = "a right clip" if artifact["grouped"] else "the right clip"
        yield join(
            [
                f"{one['label'].capitalize()} finds {answer} {where} in ",
                element("b", scales.percent(figures[f"recall_at_{k}"], 0)),
                f" of {one['queries']} queries; chance is "
                f"{scales.percent(figures[f'chance_recall_at_{k}'])}.",
            ]
        )


def section(evaluation: Evaluation) -> Markup:
    """The table, the same for the exact instance, and what was found."""
    artifact = evaluation.artifact
    grouped = artifact["grouped"]
    answer = "any clip of the query's group" if grouped else "the query's own clip (there are no groups)"
    each = "its first caption" if artifact["captions"] == "first" else "every one of its captions"
    parts = [
        element(
            "p",
            f"{evaluation.when}{artifact['clips']:,} clips, compared by cosine similarity. A right answer is "
            f"{answer}. As text, a clip is represented by {each}.",
        ),
        retrieval_table(artifact["directions"], artifact["ranks"], "figures"),
        element("p", BAR_LEGEND, class_="note"),
    ]
    if grouped:
        exact = retrieval_table(artifact["directions"], artifact["ranks"], "exact_clip")
        parts.append(
            element("details", element("summary", "Exact instance: only the query's own clip"), exact)
        )
    if found := guarded(lambda: gallery(artifact), "The gallery"):
        parts += [element("h3", "What was found"), element("p", GALLERY_NOTE), found]
    return element("div", parts)


def along(evaluation: Evaluation) -> dict[str, dict[str, str]]:
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

    def folded(tags: Sides, are_comparable: bool) -> Markup | None:
        if not (left.artifact["grouped"] or right.artifact["grouped"]):
            return None
        table = contrast_table(exact, tags, are_comparable=are_comparable)
        return element("details", element("summary", "Exact instance: only the query's own clip"), table)

    note = (PAIRED if in_pairs else UNPAIRED).format("queries") + f" {GROUPS_NOTE}"
    return Contrast(rows=rows, note=note, more=folded)


def _rows(left: Evaluation, right: Evaluation, which: str, ranks_name: str) -> tuple[list[Row], bool]:
    """The rows, and whether all intervals are of pairs."""
    sides = [{one["name"]: one for one in each.artifact["directions"]} for each in (left, right)]
    ranks_of_recall = sorted({k for each in (left, right) for k in each.artifact["ranks"]})
    rows, in_pairs = [], True
    for name in dict.fromkeys(name for side in sides for name in side):
        ones = [side.get(name) for side in sides]
        label = next(one["label"] for one in ones if one is not None)
        figures = [one[which] if one is not None else {} for one in ones]
        counts = tuple(one["queries"] if one is not None else 0 for one in ones)
        ranks = paired(left, right, lambda artifact, name=name: _ranks(artifact, name, ranks_name))
        in_pairs &= ranks is not None
        for k in ranks_of_recall:
            values = [each.get(f"recall_at_{k}") for each in figures]
            outcomes = tuple([rank <= k for rank in each] for each in ranks) if ranks else None
            is_headline = name in _HEADLINES and k == ranks_of_recall[0]
            rows.append(
                share_row(
                    f"{label}, R@{k}", *values, outcomes=outcomes, counts=counts, is_headline=is_headline
                )
            )
        medians = [each.get("median_rank") for each in figures]
        rows.append(
            Row(
                label=f"{label}, median rank",
                left=medians[0],
                right=medians[1],
                is_share=False,
                write=scales.rank,
                higher_is_better=False,
            )
        )
        means = [each.get("mean_rank") for each in figures]
        rows.append(mean_row(f"{label}, mean rank", *means, values=ranks))
    return rows, in_pairs


def _ranks(artifact: dict, name: str, ranks_name: str) -> list[int] | None:
    return next((one.get(ranks_name) for one in artifact["directions"] if one["name"] == name), None)
