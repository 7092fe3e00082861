"""Which part of the package draws an evaluation: found by the "kind" of the evaluator's artifact, here alone.

To have another evaluator in the report: give its artifact a "kind" of its own, write a module with a function
`section(evaluation)` that turns an `Evaluation` into Markup, and add a line to `KINDS`. A section needs no
heading and no protocol card, and may raise what damaged data make it raise: it then costs a sentence.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable

from vatt.report import classes, retrieval, splits
from vatt.report.along import Charts
from vatt.report.analyses import (
    activations,
    attention_map,
    feature_map,
    nearest_neighbours,
    similarity_calibration,
    space_geometry,
    space_map,
)
from vatt.report.contrast import Contrast, Row
from vatt.report.evaluation import Evaluation
from vatt.report.markup import Markup, element
from vatt.report.tables import numbers_table

_MOST_CHARTS = 6  # of an evaluation of which only the numbers are known


def _section(evaluation: Evaluation) -> Markup:
    """Every number by name."""
    when = element("p", evaluation.when) if evaluation.when else None
    return element("div", when, numbers_table(evaluation.metrics))


def _along(evaluation: Evaluation) -> Charts:
    """A chart of each number, of the first few."""
    names = [name.removeprefix(f"{evaluation.prefix}/") for name in evaluation.metrics]
    return {name: {name: name} for name in names[:_MOST_CHARTS]}


def _contrast(left: Evaluation, right: Evaluation) -> Contrast:
    """Every number of both."""
    rows = [
        Row(
            label=name.removeprefix(f"{left.prefix}/"),
            left=left.metrics.get(name),
            right=right.metrics.get(name),
            write=lambda value: f"{value:,.4g}".replace("-", "\u2212"),
            higher_is_better=None,
        )
        for name in sorted(left.metrics | right.metrics)
    ]
    return Contrast(rows=rows)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind:
    """How evaluations of one kind are shown."""

    title: str  # heading, before the evaluator's name
    section: Callable[[Evaluation], Markup] = _section  # what is under it
    # the sentences at the head of the page
    summary: Callable[[Evaluation], Iterable[Markup]] = lambda evaluation: ()
    # gives what is drawn along the training: titles of charts -> number without its prefix -> label
    along: Callable[[Evaluation], Charts] = _along
    # compares the evaluations of two runs, number by number
    contrast: Callable[[Evaluation, Evaluation], Contrast] = _contrast
    # whether the sections of two runs are side by side in a comparison: for drawings, of which the numbers do
    # not say all
    side_by_side: bool = False


_of_classes = functools.partial(
    Kind,
    section=classes.section,
    summary=classes.summary,
    along=classes.along,
    contrast=classes.contrast,
)
_drawn = functools.partial(Kind, side_by_side=True)
KINDS = {
    "retrieval": Kind(
        title="Retrieval",
        section=retrieval.section,
        summary=retrieval.summary,
        along=retrieval.along,
        contrast=retrieval.contrast,
    ),
    "classification": _of_classes(title="Classification"),
    "probe": _of_classes(title="Probe of frozen features"),
    "zero_shot": _of_classes(title="Zero-shot classification"),
    "mean_over_splits": Kind(
        title="Mean over splits",
        section=splits.section,
        summary=splits.summary,
        along=classes.along,
        contrast=splits.contrast,
    ),
    "feature_map": _drawn(title="Features by class", section=feature_map.section),
    "space_map": _drawn(title="Spaces", section=space_map.section),
    "activations": _drawn(title="Activations", section=activations.section),
    "attention_map": _drawn(title="Attention", section=attention_map.section),
    "space_geometry": _drawn(title="Geometry of the spaces", section=space_geometry.section),
    "similarity_calibration": _drawn(
        title="Similarity as probability", section=similarity_calibration.section
    ),
    "nearest_neighbours": _drawn(title="Neighbours", section=nearest_neighbours.section),
}
_OTHER = Kind(title="Evaluation")


def kind_of(evaluation: Evaluation) -> Kind:
    """The kind of an evaluation; for one that is not known here, its numbers are shown."""
    return KINDS.get(evaluation.kind, _OTHER)
