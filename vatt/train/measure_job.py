"""The job `measure`: evaluates a model that is trained already, such as a released one, and writes what it
finds into a run directory of its own.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import gin

from vatt.errors import RunError
from vatt.train.context import RunContext
from vatt.train.dry_run import describe_model
from vatt.train.evaluation import Evaluations, check_evaluators, warnings_of
from vatt.train.journal import note_incident

_log = logging.getLogger(__name__)

_STEP = 0  # of this run, which makes none


@gin.register
def measure(*, run: RunContext, model: Any, evaluators: Sequence[Any], report: Callable | None = None) -> int:
    """Runs every evaluator once. Called again, it measures again: the weights may be others by then.

    Args:
        run: given by `vatt.run.run`, not by the configuration.
        model, evaluators: as in `vatt/protocols.py`; the model has its weights.
        report: called with the run directory at the end; returns the path of what it wrote.

    Returns:
        The exit status.
    """
    run.on_built()
    if not evaluators:
        raise RunError("Measuring needs evaluators. Received: measure.evaluators=[]. Add at least one to it.")
    describe_model(model)
    check_evaluators(evaluators, model)
    warnings = warnings_of(evaluators, model)
    for sentence in warnings:
        _log.warning("%s", sentence)
    if run.dry_run:
        return 0
    for sentence in warnings:
        note_incident(run.model_dir, _STEP, "other rates than in training", sentence)
    evaluations = Evaluations(run.model_dir, evaluators)
    evaluations.run(model, _STEP)
    evaluations.print_tables()
    if report is not None:
        _log.info("Report: %s", report(run.model_dir))
    return 0
