"""The job `evaluate`: measures the checkpoints of a run as they appear, in a process of its own.

    python -m vatt.main --gin_file=EXPERIMENT --gin_file=experiments/overlay/evaluate.gin

It is configured by the experiment itself, so that it measures just what the run trains: `training` builds
model and evaluators and hands them over. It reads the run directory and writes into a folder of its own
there. Where checkpoints come faster than it measures, those between are left out, never the last one.
"""

import contextlib
import dataclasses
import logging
import time
from collections.abc import Callable
from typing import Any

import gin

from vatt.errors import RunError
from vatt.train.checkpoint import Checkpoints
from vatt.train.context import RunContext
from vatt.train.evaluation import Evaluations, check_evaluators
from vatt.train.interruption import Interruption
from vatt.train.journal import Journal

_log = logging.getLogger(__name__)

_NAP_SECONDS = 0.2  # a signal waits no longer than this


@gin.register
def evaluate(
    *,
    run: RunContext,
    training: Callable[..., int],
    poll_seconds: float = 30.0,
    patience_seconds: float | None = None,
) -> int:
    """Evaluates the newest checkpoint, waits for a newer one, and ends after that of the last step.

    Args:
        run: given by `vatt.run.run`; `run.beside` must name the folder to write to.
        training: `@train` without parentheses, as the experiment configures it; it is not run.
        poll_seconds: between two looks for a new checkpoint.
        patience_seconds: how long to wait for a new checkpoint before giving up; None for ever.

    Returns:
        The exit status: 0, or 130 after Ctrl-C.
    """
    if run.followed_dir is None:
        raise RunError(
            "An evaluation beside a run needs a folder of its own there. Received: run.beside=''. "
            "Set it, as experiments/overlay/evaluate.gin does."
        )
    follow = _Follow(run, poll_seconds, patience_seconds)
    return training(run=dataclasses.replace(run, instead=follow))


@dataclasses.dataclass(frozen=True)
class _Follow:
    """What is done with the built objects instead of training."""

    run: RunContext
    poll_seconds: float
    patience_seconds: float | None

    def __call__(self, *, model: Any, average: Any, evaluators, steps: int, report) -> int:
        """Args: as in `vatt.train.job.train`; the variables of `model` and `average` exist."""
        if not evaluators:
            raise RunError(
                "An evaluation needs evaluators. Received: train.evaluators=[]. Add at least one to it."
            )
        check_evaluators(evaluators, model)
        directory = self.run.model_dir
        evaluations = Evaluations(directory, evaluators)
        checkpoints = Checkpoints(self.run.followed_dir / "checkpoints")
        last = evaluations.last_step()
        journal = Journal(directory, last)
        saved = {"model": model} if average is None else {"model": model, "average": average}
        with Interruption() as interruption, contextlib.closing(journal):
            while last < steps:
                step = self._next(checkpoints, last, interruption)
                if step is None:
                    break
                try:
                    checkpoints.restore(step, partly=True, **saved)
                except RunError:
                    if checkpoints.is_whole(step):
                        raise
                    continue  # the run deleted it while it was read: there are newer ones
                _log.info("Evaluating the checkpoint of step %d of %d.", step, steps)
                with average.in_model() if average is not None else contextlib.nullcontext():
                    journal.write_evaluation(step, evaluations.run(model, step))
                evaluations.print_tables()
                last = step
        if interruption.signal is not None:
            _log.info("Stopped. To go on:\n  %s", self.run.command)
            return interruption.exit_status
        if report is not None:
            _log.info("Report: %s", report(directory))
        return 0

    def _next(self, checkpoints: Checkpoints, last: int, interruption: Interruption) -> int | None:
        """Waits for a whole checkpoint after `last`; gives the newest, or None where none is to come."""
        began = looked = time.monotonic()
        while interruption.signal is None:
            newer = (step for step in reversed(checkpoints.steps()) if step > last)
            whole = next((step for step in newer if checkpoints.is_whole(step)), None)
            if whole is not None:
                return whole
            if self.patience_seconds is not None and looked - began > self.patience_seconds:
                _log.warning(
                    "No checkpoint after step %d came within %.0f s. Call again once the run goes on.",
                    last,
                    self.patience_seconds,
                )
                return None
            while time.monotonic() - looked < self.poll_seconds and interruption.signal is None:
                time.sleep(_NAP_SECONDS)
            looked = time.monotonic()
        return None
