"""Retrieval on the page: a sentence for the head, the table of directions, the gallery."""

from collections.abc import Iterable

from vatt.report import scales
from vatt.report.evaluation import Evaluation
from vatt.report.gallery import gallery
from vatt.report.guard import guarded
from vatt.report.markup import Markup, element, join
from vatt.report.reading import BAR_LEGEND, GALLERY_NOTE
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
    """The table, the same for the very clip, and what was found."""
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
            element("details", element("summary", "The same where only the very clip counts"), exact)
        )
    if pictures := guarded(lambda: gallery(artifact), "The gallery"):
        parts += [element("h3", "What was found"), element("p", GALLERY_NOTE), pictures]
    return element("div", parts)


def along(evaluation: Evaluation) -> dict[str, dict[str, str]]:
    """What is drawn along the training: the recalls of all directions."""
    artifact = evaluation.artifact
    return {
        f"R@{k}": {f"{one['name']}/recall_at_{k}": one["label"] for one in artifact["directions"]}
        for k in sorted(artifact["ranks"])[:2]
    }
