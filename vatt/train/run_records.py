"""What a run keeps of itself: checkpoints, journal, alarms, evaluations, the report. Of several workers the
chief writes them, and all begin where it begins.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from vatt.engines.protocol import State, Task
from vatt.protocols import Batch, MetricWriter
from vatt.train.alarms import Alarms
from vatt.train.background import Background
from vatt.train.bad_batch import write_batch
from vatt.train.batch_summary import summarize
from vatt.train.checkpoint_folder import CheckpointFolder
from vatt.train.context import RunContext
from vatt.train.evaluation import Evaluations
from vatt.train.identity import refuse_other
from vatt.train.journal import Journal, note_incident
from vatt.train.settings import Checkpoints, Evaluation

_log = logging.getLogger(__name__)


class RunRecords:
    """The records of one run.

    Args:
        run: as given to the job.
        checkpoints: which are kept.
        evaluation: evaluators and the report.

    Attributes:
        first_step: where the run resumes, 0 at its beginning.
        skipped: bad steps skipped so far, in the whole run.
    """

    def __init__(self, *, run: RunContext, checkpoints: Checkpoints, evaluation: Evaluation):
        self._run = run
        self._workers = workers = run.engine.workers
        self._settings = checkpoints
        self._report = evaluation.report
        self._evaluations = Evaluations(run.model_dir, evaluation.all)

        def set_aside(step: int, sentence: str) -> None:
            note_incident(run.model_dir, step, "checkpoint set aside", sentence)

        self._checkpoints = CheckpointFolder(
            run.model_dir / "checkpoints",
            checkpoints.keep,
            checkpoints.keep_every,
            scores=self._scores,
            on_corrupt=set_aside,
        )
        # The chief moves damaged ones aside, the others take its word.
        newest = self._checkpoints.newest() if workers.is_chief else None
        self.first_step = workers.from_chief(newest or 0)
        self.skipped = 0
        self._saved_step = self.first_step
        self._state: State
        self._facts: dict[str, Any] = {}
        self._journal: Journal | None = None
        self._alarms = Alarms()
        self._saving = Background()

    @property
    def is_finished(self) -> bool:
        """Of the newest checkpoint: whether it is evaluated."""
        return self._evaluations.are_done(self.first_step)

    def restore(self, state: State, identity: dict[str, str]) -> None:
        """Reads the newest checkpoint, if there is one, into the state that later ones are made of.

        Args:
            state: at its beginning.
            identity: see `vatt/train/identity.py`.
        """
        self._state = state
        self._facts = {"identity": identity}
        if not self.first_step:
            return
        self._run.refresh()
        facts = self._checkpoints.facts(self.first_step)
        if not self._run.forced:
            refuse_other(facts.get("identity", {}), identity, self.first_step)
        self._checkpoints.restore(self.first_step, state)
        self.skipped = facts.get("skipped_steps", 0)

    @contextlib.contextmanager
    def writing(self, writers: Sequence[MetricWriter] = ()) -> Iterator[None]:
        """Within the block, lines and evaluations are written. `writers`: as in `vatt/protocols.py`."""
        if self._workers.is_chief:
            self._evaluations.cut_back(self.first_step)
            self._journal = Journal(self._run.model_dir, self.first_step, writers)
            for line in self._journal.lines:  # what a loss spike is measured against
                self._alarms.remember(line)
        try:
            yield
        finally:
            try:  # a checkpoint that is being written is worth having, whatever ends the run
                self._saving.wait()
            finally:
                if self._journal:
                    self._journal.close()

    @property
    def seconds(self) -> float:
        """Training time so far."""
        return self._journal.seconds if self._journal else 0.0

    def line(self, line: dict) -> None:
        """A line of the journal, to which alarms are added; raises `RunError` if a checkpoint could not be
        written.
        """
        self._saving.check()
        alarms = self._alarms(line)
        if alarms:
            line["alarms"] = alarms
        if self._journal:
            self._journal.write(line)

    def save(self, step: int) -> None:
        """Starts to write the checkpoint of `step`, unless it is there, once the one before it is written;
        raises `RunError` if that one was not.
        """
        if step != self._saved_step and self._has_a_part:
            self._saving.wait()  # so that no more than one copy of the state is in memory
            snapshot = self._state.snapshot()
            if self._workers.is_chief:
                facts = {**self._facts, "skipped_steps": self.skipped}
                facts["metrics"] = self._evaluations.numbers()

                def write():
                    self._checkpoints.save(step, snapshot, facts=facts)
                    self._run.publish_soon()

                self._saving.start(write)
            else:
                self._saving.start(lambda: self._checkpoints.save_share(step, snapshot))
        self._saved_step = step

    def wait(self) -> None:
        """Returns when the checkpoint that is being written is there; raises `RunError` if it is not."""
        self._saving.wait()

    def evaluate(self, state: State, step: int, evaluators: Sequence[Any]) -> None:
        """The metrics of some evaluators for the weights, or their average, of `step`."""
        if not self._has_a_part:
            return  # the next step waits for the chief
        self._saving.wait()  # which reads the evaluations so far
        with state.averaged():
            if self._journal is None:
                return
            self._journal.write_evaluation(step, self._evaluations.run(state.model, step, evaluators))
        self._run.publish()
        self._scores()  # refuses a metric that no evaluator gave

    @property
    def _has_a_part(self):
        """Whether this worker is asked for the state."""
        return self._workers.is_chief or self._run.engine.divides_state

    def summarize(self, state: State, task: Task, batch: Callable[[], Batch], step: int) -> None:
        """Summarizes a batch for TensorBoard, see `batch_summary.py`; `batch` makes it."""
        if not self._has_a_part:
            return
        with state.averaged():
            if self._journal:
                summarize(batch(), task=task, events=self._journal.events, step=step)

    def log_finished(self, steps: int) -> None:
        """Says that there is nothing left to do, and writes the report where it is missing."""
        _log.info(
            "This run is finished: %d of %d steps, evaluated. Its metrics: %s",
            self.first_step,
            steps,
            self._run.model_dir / "metrics.json",
        )
        self.finish(only_if_missing=True)

    def _scores(self) -> dict[int, float]:
        best, lowest = self._settings.keep_best, self._settings.lowest_is_best
        return self._evaluations.scores(best, lowest_is_best=lowest) if best else {}

    def keep_bad_batch(self, batch: Batch, step: int, *, reason: str, stops: bool) -> None:
        """The batch of a step (from 1) that was not finite, as far as this worker has it.

        Args:
            batch: as in `write_batch`.
            step: which one.
            reason: what was not finite in it.
            stops: whether the run stops there; else the step is skipped.
        """
        if self._workers.is_chief:
            kind = "step not finite, run stopped" if stops else "step skipped"
            note_incident(self._run.model_dir, step, kind, reason)
        path = write_batch(self._run.model_dir / "bad_batches", batch, step=step, worker=self._workers.index)
        saved = self._saved_step
        kept = self._run.shown(self._checkpoints.prefix(saved)) if saved else "none yet"
        _log.error("Its batch is in %s. Checkpoint kept: %s", self._run.shown(path), kept)

    def finish(self, *, only_if_missing: bool = False) -> None:
        """Prints what was evaluated and writes the report."""
        if not self._workers.is_chief:
            return
        if not only_if_missing:
            self._evaluations.print_tables()
        if self._report is None:
            return
        path = self._run.model_dir / "report.html"
        if not (only_if_missing and path.is_file()):
            path = self._report(self._run.model_dir) or self._run.model_dir
        _log.info("Report: %s", self._run.shown(path))
