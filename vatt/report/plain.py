"""An evaluation of which only the numbers are known."""

from vatt.report.evaluation import Evaluation
from vatt.report.markup import Markup, element
from vatt.report.tables import numbers_table


def section(evaluation: Evaluation) -> Markup:
    """Every number by name."""
    when = element("p", evaluation.when) if evaluation.when else None
    return element("div", when, numbers_table(evaluation.metrics))
