"""The sentences of the report that explain its metrics to someone who sees them for the first time."""

from collections.abc import Iterable

from vatt.report.evaluation import Evaluation

BAR_LEGEND = (
    "Bar: the metric. Thin line: its 95\u202f% interval. Red tick: chance. Derived: audio and text are never "
    "trained against each other; audio embeddings are mapped by the video–text head of the video."
)

GALLERY_NOTE = (
    "The five nearest clips of each query, nearest first, each as frames from its beginning to its end. "
    "Queries are drawn at random, half among those that were right at once and half among the others as far "
    "as there are any, so their share here says nothing about how often the model is right."
)

GROUPS_NOTE = "Clips of one group resemble each other, so the true uncertainty is somewhat wider."

_RETRIEVAL = {
    "R@k, recall at k": (
        "The share of queries whose first right clip stands among the k nearest. 100\u202f% is perfect."
    ),
    "Median and mean rank": (
        "Where the first right clip stands, 1 being first. A tie counts against the model: at an equal score "
        "the wrong clip stands before the right one, so a model that gives the same answer to everything "
        "ranks last."
    ),
    "Chance": (
        "What a random order gives on the same queries and clips, computed exactly. More clips per group "
        "make it higher; only the distance from it speaks for the model."
    ),
    "Permuted": (
        "Where it is given: the range that holds 99\u202f% of the recalls after the groups of the queries "
        "were exchanged at random. A recall inside it is what a model without any correspondence may reach."
    ),
    "Which space": (
        "Video and audio are compared in the video–audio space, video and text in the video–text space. "
        "Audio and text are compared via the video space: derived, and never trained directly."
    ),
}
_ONE_LABEL = {
    "Top-1 and top-5": (
        "The share of clips whose class has the highest score, or one of the five highest. A class of equal "
        "score stands before the right one."
    ),
    "Chance of top-1": "The share of the commonest class: what one answer for everything reaches.",
    "Mean of classes": "The mean of the classes' top-1: a rare class counts as much as a common one.",
    "Taken for": "A row of the matrix is a class; its squares say which classes its clips were given.",
}
_SEVERAL_LABELS = {
    "mAP": (
        "The mean over the classes of the average precision: how far a class's own clips stand before the "
        "others when all are ordered by its score."
    ),
    "AUC and d′": (
        "AUC is the chance that a clip of the class has a higher score than one without it; d′ is the same "
        "in standard deviations, √2 · Φ⁻¹(AUC)."
    ),
}
_ALL = {
    "95\u202f% interval": (
        f"Wilson's interval for a share of independent trials. {GROUPS_NOTE} No interval is given for "
        "a mean of classes and for mAP."
    ),
    "Curves": (
        "In a long run a line joins means over neighbouring journal lines, and the band around it spans "
        "their least and greatest value. Point at a curve to read it. Waiting for data near 0 means that the"
        " input keeps up with the model."
    ),
}


def how_to_read(evaluations: Iterable[Evaluation]) -> dict[str, str]:
    """The meaning of what is shown of these evaluations, by term; {} without any."""
    terms: dict[str, str] = {}
    for evaluation in evaluations:
        figures = evaluation.artifact.get("figures")
        names = figures if isinstance(figures, dict) else ()
        terms |= _RETRIEVAL if evaluation.kind == "retrieval" else {}
        terms |= _ONE_LABEL if "top_1" in names else {}
        terms |= _SEVERAL_LABELS if "mean_average_precision" in names else {}
    return terms | _ALL if terms else {}
