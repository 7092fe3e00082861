"""The job `ModelEvaluation`: evaluates a model that is trained already, such as a released one, and writes
the metrics into a run directory of its own.
"""

import contextlib
import dataclasses
import logging
from contextlib import AbstractContextManager
from typing import Any

import gin

from vatt.engines.optimization import Optimization
from vatt.engines.protocol import Engine, Task
from vatt.errors import RunError
from vatt.train.context import Job, RunContext
from vatt.train.dry_run import describe_model
from vatt.train.evaluation import Evaluations, check_evaluators, warnings_of
from vatt.train.journal import note_incident
from vatt.train.settings import Evaluation

_log = logging.getLogger(__name__)

_STEP = 0  # of this run, which makes none


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class ModelEvaluation(Job):
    """Runs every evaluator once. Called again, it evaluates again: the weights may be others by then.

    Args:
        model: as in `vatt/protocols.py`, with its weights.
        evaluation: evaluators and the report, see `Evaluation`.
    """

    model: Any
    evaluation: Evaluation

    def run(self, run: RunContext) -> int:
        """Evaluates and reports; returns the exit status."""
        evaluators, model = self.evaluation.all, self.model
        if not evaluators:
            raise RunError(
                "An evaluation needs evaluators. Received: Evaluation.evaluators=[]. Add at least one to it."
            )
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
        with _on_all_devices(model, run.engine):
            evaluations.run(model, _STEP)
        evaluations.print_tables()
        if self.evaluation.report is not None:
            _log.info("Report: %s", run.shown(self.evaluation.report(run.model_dir)))
        return 0


def _on_all_devices(model: Any, engine: Engine) -> AbstractContextManager[None]:
    """Within the block the weights, if it has any, are where those of a trained model would be."""
    if not getattr(model, "variables", ()):
        return contextlib.nullcontext()
    task = Task(model=model, loss=_no_step, device_inputs=_no_step)
    return engine.place(task, None, Optimization()).averaged()


def _no_step(*_: Any) -> None:
    raise AssertionError("an evaluation takes no step")
