"""Which part of the package draws an evaluation: found by the "kind" of the evaluator's artifact, here alone.

To have another evaluator in the report: give its artifact a "kind" of its own, write a module with a function
`section(evaluation)` that turns an `Evaluation` into Markup, and add a line to `KINDS`. A section needs no
heading and no protocol card, and may raise what damaged data make it raise: it then costs a sentence.
"""

import dataclasses
from collections.abc import Callable, Iterable

from vatt.report import class_contrast, classes, plain, retrieval, splits
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
from vatt.report.contrast import Contrast
from vatt.report.evaluation import Evaluation
from vatt.report.markup import Markup


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind:
    """How evaluations of one kind are shown.

    Args:
        title: heading, before the evaluator's name.
        section: what is under it.
        summary: the sentences at the head of the page; None disables.
        along: gives what is drawn along the training: titles of charts -> number without its prefix -> label.
        contrast: compares the evaluations of two runs, number by number.
        side_by_side: whether the sections of two runs are side by side in a comparison: for
            drawings, of which the numbers do not say all.
    """

    title: str
    section: Callable[[Evaluation], Markup]
    summary: Callable[[Evaluation], Iterable[Markup]] | None = None
    along: Callable[[Evaluation], Charts] = plain.along
    contrast: Callable[[Evaluation, Evaluation], Contrast] = plain.contrast
    side_by_side: bool = False


_OF_CLASSES = {
    "section": classes.section,
    "summary": classes.summary,
    "along": classes.along,
    "contrast": class_contrast.contrast,
}
_DRAWN = {"side_by_side": True}
KINDS = {
    "retrieval": Kind(
        title="Retrieval",
        section=retrieval.section,
        summary=retrieval.summary,
        along=retrieval.along,
        contrast=retrieval.contrast,
    ),
    "classification": Kind(title="Classification", **_OF_CLASSES),
    "probe": Kind(title="Probe of frozen features", **_OF_CLASSES),
    "zero_shot": Kind(title="Zero-shot classification", **_OF_CLASSES),
    "mean_over_splits": Kind(
        title="Mean over splits",
        section=splits.section,
        summary=splits.summary,
        along=classes.along,
        contrast=splits.contrast,
    ),
    "feature_map": Kind(title="Features by class", section=feature_map.section, **_DRAWN),
    "space_map": Kind(title="Spaces", section=space_map.section, **_DRAWN),
    "activations": Kind(title="Activations", section=activations.section, **_DRAWN),
    "attention_map": Kind(title="Attention", section=attention_map.section, **_DRAWN),
    "space_geometry": Kind(title="Geometry of the spaces", section=space_geometry.section, **_DRAWN),
    "similarity_calibration": Kind(
        title="Similarity as probability", section=similarity_calibration.section, **_DRAWN
    ),
    "nearest_neighbours": Kind(title="Neighbours", section=nearest_neighbours.section, **_DRAWN),
}
_OTHER = Kind(title="Evaluation", section=plain.section)


def kind_of(evaluation: Evaluation) -> Kind:
    """The kind of an evaluation; for one that is not known here, its numbers are shown."""
    return KINDS.get(evaluation.kind, _OTHER)
