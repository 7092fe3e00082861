"""The job `CheckpointEvaluation`: evaluates the checkpoints of a run as they appear, in a process of its own.

    python -m vatt.main --gin_file=EXPERIMENT --gin_file=experiments/overlay/evaluate.gin

It is given the experiment's trainer, so that it evaluates just what the run trains. It reads the run
directory and writes into a folder of its own there. Where checkpoints come faster than it evaluates, those
between are left out, never the last one.
"""

import contextlib
import dataclasses
import logging
import time

import gin

from vatt.errors import RunError
from vatt.train.checkpoint_folder import CheckpointFolder
from vatt.train.context import Job, RunContext
from vatt.train.evaluation import Evaluations, check_evaluators
from vatt.train.interruption import Interruption
from vatt.train.journal import Journal
from vatt.train.trainer import Trainer

_log = logging.getLogger(__name__)

_NAP_SECONDS = 0.2  # a signal waits no longer than this


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class CheckpointEvaluation(Job):
    """Evaluates the newest checkpoint, waits for a newer one, and ends after that of the last step.

    `run.subfolder` must name the folder to write to.

    Args:
        trainer: of the experiment; nothing is trained.
        poll_seconds: interval of the search for a new checkpoint.
        patience_seconds: how long to wait for a new checkpoint before giving up; None waits forever.
    """

    trainer: Trainer
    poll_seconds: float = 30.0
    patience_seconds: float | None = None

    def run(self, run: RunContext) -> int:
        """Evaluates; returns the exit status: 0, or 130 after Ctrl-C."""
        trainer = self.trainer
        if run.followed_dir is None:
            raise RunError(
                "An evaluation in a process of its own needs a folder in the run directory. Received: "
                "run.subfolder=''. Set it, as experiments/overlay/evaluate.gin does."
            )
        if run.dry_run:
            return trainer.dry_run(run)
        evaluators = trainer.evaluation.all
        if not evaluators:
            raise RunError(
                "An evaluation needs evaluators. Received: Evaluation.evaluators=[]. Add at least one to it."
            )
        state = trainer.build(run)
        check_evaluators(evaluators, trainer.model)
        evaluations = Evaluations(run.model_dir, evaluators)
        checkpoints = CheckpointFolder(run.followed_dir / "checkpoints")
        last = evaluations.last_step()
        journal = Journal(run.model_dir, last)
        with Interruption() as interruption, contextlib.closing(journal):
            while last < trainer.steps:
                step = self._next(run, checkpoints, last, interruption)
                if step is None:
                    break
                try:
                    checkpoints.restore(step, state, partly=True)
                except RunError:
                    if checkpoints.is_whole(step):
                        raise
                    continue  # the run deleted it while it was read: there are newer ones
                _log.info("Evaluating the checkpoint of step %d of %d.", step, trainer.steps)
                with state.averaged():
                    journal.write_evaluation(step, evaluations.run(state.model, step))
                run.publish()
                evaluations.print_tables()
                last = step
        if interruption.signal is not None:
            _log.info("Stopped. To resume:\n  %s", run.command)
            return interruption.exit_status
        if trainer.evaluation.report is not None:
            _log.info("Report: %s", run.shown(trainer.evaluation.report(run.model_dir)))
        return 0

    def _next(
        self, run: RunContext, checkpoints: CheckpointFolder, last: int, interruption: Interruption
    ) -> int | None:
        """Waits for a whole checkpoint after `last`; gives the newest, or None where none is to come."""
        began = looked = time.monotonic()
        while interruption.signal is None:
            run.refresh()
            newer = (step for step in reversed(checkpoints.steps()) if step > last)
            whole = next((step for step in newer if checkpoints.is_whole(step)), None)
            if whole is not None:
                return whole
            if self.patience_seconds is not None and looked - began > self.patience_seconds:
                _log.warning(
                    "No checkpoint after step %d came within %.0f s. Call again once the run continues.",
                    last,
                    self.patience_seconds,
                )
                return None
            while time.monotonic() - looked < self.poll_seconds and interruption.signal is None:
                time.sleep(_NAP_SECONDS)
            looked = time.monotonic()
        return None
