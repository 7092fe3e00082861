"""The evaluations along a training: how the numbers that count went, step by step."""

from vatt.report import scales
from vatt.report.curves import Series, line_chart
from vatt.report.evaluation import Evaluation
from vatt.report.markup import Markup, element

# What a kind of evaluation draws: titles of charts -> number without its prefix -> label of its line.
Charts = dict[str, dict[str, str]]


def along_training(evaluation: Evaluation, charts: Charts) -> Markup | None:
    """A chart of each group of numbers over the steps of the evaluations; None where there was one only."""
    drawn = []
    for title, names in charts.items():
        series = [Series(label, found) for name, label in names.items() if (found := evaluation.along(name))]
        if max((len(each.points) for each in series), default=0) > 1:
            drawn.append(line_chart(title, series, from_zero=True, write=writer(series)))
    if not drawn:
        return None
    steps = sorted({int(line["step"]) for line in evaluation.history})
    text = f"{len(steps)} evaluations, from step {steps[0]:,} to step {steps[-1]:,}."
    return element(
        "div",
        element("h3", "Along the training"),
        element("p", text, class_="note"),
        element("div", drawn, class_="curves"),
    )


def writer(series: list[Series]):
    """Percent for numbers that are shares, as far as one can see."""
    values = [value for each in series for _, value in each.points]
    return scales.percent if all(0 <= value <= 1 for value in values) else scales.short
