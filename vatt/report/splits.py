"""A mean over the official splits of a data set: the mean, its spread, and each split as it stands alone."""

from collections.abc import Iterable

from vatt.report import classes, scales
from vatt.report.contrast import Contrast, Row
from vatt.report.evaluation import Evaluation
from vatt.report.markup import Markup, element, join
from vatt.report.tables import folded, table

_HEADS = classes.OF_CLIPS | classes.OTHER_SHARES | classes.OTHERS
_HEADLINES = {"top_1": "Top-1", "mean_average_precision": "mAP"}


def summary(evaluation: Evaluation) -> Iterable[Markup]:
    """What someone who reads one sentence should know."""
    figures, splits = evaluation.artifact["figures"], evaluation.artifact["splits"]
    for name, head in _HEADLINES.items():
        if name in figures:
            value = element("b", scales.percent(figures[name], 1))
            text = f", the mean over {len(splits)} splits."
            yield join([f"{head} (", element("i", evaluation.name), ") ", value, text])


def section(evaluation: Evaluation) -> Markup:
    """Mean and deviation of each figure, and the splits, folded."""
    figures, splits = evaluation.artifact["figures"], evaluation.artifact["splits"]
    names = [name for name in _HEADS if name in figures]
    cells = []
    for name in names:
        write = scales.short if name in classes.OTHERS else scales.percent
        deviation = figures.get(f"{name}_deviation")
        spread = element("small", f"± {write(deviation)}") if deviation is not None else None
        cells.append([element("b", write(figures[name])), spread])
    means = table([_HEADS[name] for name in names], [cells], class_="classes", has_row_heads=False)
    text = f"{evaluation.when}Mean over {len(splits)} splits; ± is the standard deviation of the splits."
    each = [
        folded(name, classes.section(Evaluation(name=name, prefix=name, artifact=artifact)))
        for name, artifact in splits.items()
    ]
    return element("div", element("p", text), means, each)


def contrast(left: Evaluation, right: Evaluation) -> Contrast:
    """The means of both."""
    figures = [each.artifact["figures"] for each in (left, right)]
    rows = [
        Row(
            label=label,
            left=figures[0].get(name),
            right=figures[1].get(name),
            write=scales.short if name in classes.OTHERS else None,
            higher_is_better=None if name == "classes_left_out" else True,
            is_headline=name in _HEADLINES,
        )
        for name, label in _HEADS.items()
        if name in figures[0] or name in figures[1]
    ]
    return Contrast(rows=rows)
