"""An evaluation of which only the numbers are known."""

from vatt.report.contrast import Contrast, Row
from vatt.report.evaluation import Evaluation
from vatt.report.markup import Markup, element
from vatt.report.tables import numbers_table

_MOST_CHARTS = 6


def section(evaluation: Evaluation) -> Markup:
    """Every number by name."""
    when = element("p", evaluation.when) if evaluation.when else None
    return element("div", when, numbers_table(evaluation.metrics))


def along(evaluation: Evaluation) -> dict[str, dict[str, str]]:
    """A chart of each number, of the first few."""
    names = [name.removeprefix(f"{evaluation.prefix}/") for name in evaluation.metrics]
    return {name: {name: name} for name in names[:_MOST_CHARTS]}


def contrast(left: Evaluation, right: Evaluation) -> Contrast:
    """Every number of both."""
    rows = [
        Row(
            label=name.removeprefix(f"{left.prefix}/"),
            left=left.metrics.get(name),
            right=right.metrics.get(name),
            is_share=False,
            write=_write,
            higher_is_better=None,
        )
        for name in sorted(left.metrics | right.metrics)
    ]
    return Contrast(rows=rows)


def _write(value: float) -> str:
    return f"{value:,.4g}".replace("-", "\u2212")
