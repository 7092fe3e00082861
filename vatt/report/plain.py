"""An evaluation of which only the numbers are known."""

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
