"""The evaluations along a training: how the numbers that count went, step by step."""

from collections.abc import Mapping, Sequence

from vatt.report import scales
from vatt.report.curves import Points, Series, line_chart
from vatt.report.evaluation import Evaluation
from vatt.report.markup import Markup, element

# What a kind of evaluation draws: titles of charts -> number without its prefix -> label of its line.
Charts = dict[str, dict[str, str]]


def along_one(evaluation: Evaluation, charts: Charts) -> Markup | None:
    """Those of one run: lines of several numbers in a chart."""
    series = {
        title: [Series(label, found) for name, label in names.items() if (found := evaluation.along(name))]
        for title, names in charts.items()
    }
    steps = sorted({int(line["step"]) for line in evaluation.history}) or [0]
    text = f"{len(steps)} evaluations, from step {steps[0]:,} to step {steps[-1]:,}."
    return _drawn(series, text)


def along_both(left: Evaluation, right: Evaluation, charts: Charts) -> Markup | None:
    """Those of two runs: a chart of each number of the first group, the same number of both in it."""
    title, names = next(iter(charts.items()), ("", {}))
    series = {
        label if title == label else f"{title}, {label}": two_series(left.along(name), right.along(name))
        for name, label in names.items()
    }
    return _drawn(series)


def two_series(left: Points, right: Points) -> list[Series]:
    """The points of both runs as lines of one chart."""
    return [Series("A", left), Series("B", right)]


def _drawn(charts: Mapping[str, Sequence[Series]], note: str = "") -> Markup | None:
    """A chart of each group of numbers over the steps of the evaluations; None where there was one only."""
    drawn = []
    for title, series in charts.items():
        if max((len(each.points) for each in series), default=0) > 1:
            are_shares = all(0 <= value <= 1 for each in series for value in each.values)
            write = scales.percent if are_shares else None
            drawn.append(line_chart(title, series, from_zero=True, write=write))
    if not drawn:
        return None
    said = element("p", note, class_="note") if note else None
    return element("div", element("h3", "Along the training"), said, element("div", drawn, class_="plots"))
