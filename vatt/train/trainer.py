"""The job `Trainer`: trains a model on a dataset, evaluates it and writes the report; the same command
resumes a run.

It knows the interfaces of `vatt/protocols.py` and an engine (`vatt/engines/protocol.py`), and nothing else:
gin hands it the objects. Everything that a resumed run needs is in the checkpoint, because the order of
clips and every random draw are pure functions of the seed and the step.
"""

import dataclasses
import functools
import json
import logging
from collections.abc import Callable
from typing import Any

import gin
import keras

from vatt.engines.execution import Execution
from vatt.engines.optimization import Optimization
from vatt.engines.protocol import Notice, State, Step, Task, Telemetry
from vatt.files.whole_file import write_text
from vatt.spec import PatchesRead
from vatt.train.context import MODEL_FILE, Job, RunContext
from vatt.train.dry_run import count_weights, describe_batch, describe_model
from vatt.train.evaluation import check_evaluators
from vatt.train.interruption import Interruption
from vatt.train.meter import Meter, NotFinite
from vatt.train.progress import ProgressDisplay
from vatt.train.relations import automatic_steps_per_loop, check_relations, intervals_of
from vatt.train.run_records import RunRecords
from vatt.train.settings import Checkpoints, Evaluation, Logging, is_every
from vatt.train.training_data import TrainingData, patches_read, rows_like

_log = logging.getLogger(__name__)


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Trainer(Job):
    """Trains up to `steps` steps from wherever the run directory stands, evaluates, and reports.

    Args:
        model, dataset, loss: as in `vatt/protocols.py`.
        device_inputs: (batch, training) -> the model's inputs.
        optimizer: a Keras optimizer (`vatt/optimizers/factories.py`).
        batch_size: clips of a global batch; a multiple of the number of replicas.
        steps: steps of the whole run.
        checkpoints: when the run saves, see `Checkpoints`.
        execution: how a step is computed, see `Execution`.
        optimization: what the gradients do besides the optimizer's rule, see `Optimization`.
        evaluation: evaluators and the report, see `Evaluation`.
        logging: what is logged, see `Logging`.
    """

    model: Any
    dataset: Any
    loss: Callable
    device_inputs: Callable
    optimizer: Any
    batch_size: int
    steps: int
    checkpoints: Checkpoints
    execution: Execution = Execution()  # noqa: RUF009 (frozen, as are the others)
    optimization: Optimization = Optimization()  # noqa: RUF009
    evaluation: Evaluation = Evaluation()  # noqa: RUF009
    logging: Logging = Logging()  # noqa: RUF009

    check = staticmethod(check_relations)

    def __post_init__(self):
        self.execution.gradients.check(self.loss, self.model)
        if self.checkpoints.keep_best is not None and not self.evaluation.happens_on_the_way:
            raise ValueError(
                "`Checkpoints.keep_best` chooses among evaluations on the way. Received: "
                f"keep_best={self.checkpoints.keep_best!r}, Evaluation.every=None. Set `Evaluation.every`."
            )

    @property
    def task(self) -> Task:
        """What is differentiated."""
        return Task(model=self.model, loss=self.loss, device_inputs=self.device_inputs)

    def run(self, run: RunContext) -> int:
        """Trains, or prints what would be trained; returns the exit status."""
        return self.dry_run(run) if run.dry_run else self.train(run)

    def dry_run(self, run: RunContext) -> int:
        """Prints the first batch and the model's size, and lets every part say what it lacks; writes
        nothing.
        """
        data, engine = self._data(run), run.engine
        batches = data.few_rows()
        describe_batch(next(iter(batches)), self.batch_size)
        engine.build(self.task, rows_like(batches))
        describe_model(self.model)
        check_evaluators(self.evaluation.all, self.model)
        return 0

    def build(self, run: RunContext) -> State:
        """The state of a run, without an optimizer, to read a checkpoint into."""
        run.engine.build(self.task, rows_like(self._data(run).first(0)), check_loss=False)
        return run.engine.place(self.task, None, self.optimization)

    def train(self, run: RunContext) -> int:
        """Trains, evaluates and reports; returns the exit status: 0, or 130 after Ctrl-C."""
        engine, workers, data = run.engine, run.engine.workers, self._data(run)
        if workers.count > 1:
            _log.info("%s", workers.share_of(self.batch_size))
        workers.agree_on(data.facts, "data")
        records = RunRecords(run=run, checkpoints=self.checkpoints, evaluation=self.evaluation)
        if workers.from_chief(records.first_step >= self.steps and records.is_finished):
            records.log_finished(self.steps)
            return 0

        rows = rows_like(data.first(records.first_step))
        engine.build(self.task, rows)
        check_evaluators(self.evaluation.all, self.model)
        state = engine.place(self.task, self.optimizer, self.optimization)
        records.restore(state, data.facts)
        self._announce(state, records.first_step, data)
        if workers.is_chief:
            self._describe(data, run)
        step = engine.make_step(
            self.task, state, optimization=self.optimization, execution=self.execution, seed=run.seed
        )
        telemetry = engine.telemetry(self.task, rows, self.logging.peak_flops)
        loop = _Loop(
            trainer=self, run=run, data=data, records=records, state=state, step=step, telemetry=telemetry
        )
        with (
            workers.explaining(),
            records.writing(self.logging.writers),
            engine.guard(data.info.fault) as guard,
            engine.preemption(self.execution.preemption, run.model_dir, records.save) as notice,
        ):
            done, interruption = loop.run_steps(functools.partial(guard.call, step.run), notice)
            records.save(done)
            records.wait()
            if done < self.steps:
                _log.info("Stopped at step %d of %d; saved. To resume:\n  %s", done, self.steps, run.command)
                workers.meet()
                return interruption.exit_status
            _log.info("Evaluating." if workers.is_chief else "Worker 0 evaluates.")
            records.evaluate(state, done, self.evaluation.all)
        records.finish()
        workers.meet()  # a worker that leaves early takes the others with it
        return 0

    def _data(self, run: RunContext) -> TrainingData:
        return TrainingData(
            self.dataset,
            batch_size=self.batch_size,
            seed=run.seed,
            workers=run.engine.workers,
            reads=self._patches_read() if self.execution.host_drop_token else {},
        )

    def _patches_read(self) -> dict[str, PatchesRead]:
        reads = patches_read(self.model, self.device_inputs, self.dataset.info.clip)
        _log.info("Sent as the patches that DropToken keeps: %s.", ", ".join(reads) or "no signal")
        return reads

    def _announce(self, state: State, first_step: int, data: TrainingData) -> None:
        if first_step:
            _log.info("Resuming from step %d of %d.", first_step, self.steps)
            return
        _log.info("Training %s weights for %d steps.", f"{count_weights(state.variables):,}", self.steps)
        data.warn_of_few_clips(self.steps)

    def _describe(self, data: TrainingData, run: RunContext) -> None:
        """Writes the metadata needed to load the model: its architecture, its inputs, words, classes."""
        try:
            architecture = json.dumps(keras.saving.serialize_keras_object(self.model), indent=1)
        except (NotImplementedError, TypeError) as error:  # a model of the user's own, without `get_config`
            _log.info(
                "Runs that start from this one need %s, which its model does not allow: %s", MODEL_FILE, error
            )
        else:
            write_text(run.model_dir / MODEL_FILE, architecture)
        data.describe(run.model_dir)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Loop:
    """The steps of one start of a run, and what is due between them."""

    trainer: Trainer
    run: RunContext
    data: TrainingData
    records: RunRecords
    state: State
    step: Step
    telemetry: Telemetry

    def run_steps(self, call: Callable[..., dict], notice: Notice) -> tuple[int, Interruption]:
        """Steps done, and the interruption, whose `signal` says why the loop ended early, if it did.

        Args:
            call: `Step.run`.
            notice: of the platform.
        """
        steps, workers = self.trainer.steps, self.run.engine.workers
        if self.run.profile and workers.is_chief:
            call = self.run.engine.profiled(call, self.run.model_dir / "events")
        step = begin = self.records.first_step
        meter = Meter(
            first_step=step,
            batch_size=self.trainer.batch_size,
            variable_names=[variable.path for variable in self.state.variables],
            seconds_before=self.records.seconds,
        )
        batches = self.step.feed(self.data.first(step))
        most = self._most_steps_of_a_call()
        with Interruption(notice.signals) as interruption, ProgressDisplay(step, steps) as progress:
            while step < steps and not workers.any_before(interruption.signal is not None):
                count = self._steps_of_a_call(step, most)
                meter.add(step, call(batches, count))
                is_first, step = step == begin, step + count
                is_line_due = is_first or step == steps or is_every(self.trainer.logging.every, step)
                is_more_due = self._is_more_due(step)
                line = None
                if (is_line_due or is_more_due) and (bad := meter.sync()) is not None:
                    self._skip(bad)
                    step = begin = bad.step
                    most = self._most_steps_of_a_call()
                    batches = self.step.feed(self.data.batches(step))
                    continue
                if is_line_due:
                    line = self._write_line(meter.line(step))
                    most = self._most_steps_of_a_call(line)
                progress.show(step, line)
                if is_more_due:
                    with meter.paused():
                        self._save_evaluate_summarize(step)
                if notice.ends_after(step):
                    break
            if (bad := meter.sync()) is not None:
                self._skip(bad)
                step = bad.step
        return step, interruption

    def _most_steps_of_a_call(self, line: dict[str, Any] | None = None) -> int:
        """After a line, if there is one yet, see `Execution.steps_per_loop`; the same on all workers."""
        engine, asked = self.run.engine, self.trainer.execution.steps_per_loop
        if asked is not None or line is None or not engine.is_accelerated:
            return asked or 1
        seconds = self.trainer.batch_size / line["clips_per_second"]
        return engine.workers.from_chief(automatic_steps_per_loop(seconds))

    def _steps_of_a_call(self, step: int, most: int) -> int:
        """A call ends at a multiple of `most`, and where anything is due."""
        trainer = self.trainer
        ends = [*intervals_of(vars(trainer)), *trainer.evaluation.intervals]
        return min(trainer.steps - step, *(each - step % each for each in (most, *ends) if each))

    def _is_more_due(self, step: int) -> bool:
        """Whether `_save_evaluate_summarize` has anything to do."""
        return (
            is_every(self.trainer.checkpoints.every, step)
            or bool(self._evaluators_due(step))
            or is_every(self.trainer.logging.summary_every, step)
        )

    def _evaluators_due(self, step: int) -> list:
        return self.trainer.evaluation.due(step) if step < self.trainer.steps else []

    def _save_evaluate_summarize(self, step: int) -> None:
        """What is due after `step` steps."""
        checkpoints, evaluators = self.trainer.checkpoints, self._evaluators_due(step)
        if is_every(checkpoints.every, step) or (evaluators and checkpoints.keep_best is not None):
            self.records.save(step)
        if evaluators:
            self.records.evaluate(self.state, step, evaluators)
        if is_every(self.trainer.logging.summary_every, step):
            batch = functools.partial(self.data.batch, step)
            self.records.summarize(self.state, self.trainer.task, batch, step)

    def _write_line(self, line: dict[str, Any]) -> dict[str, Any]:
        """Completes a line and writes it to the journal."""
        line.update(self.telemetry.numbers(line["clips_per_second"]))
        if damaged := self.data.info.corrupt_records():
            line["damaged_records"] = damaged
        if self.trainer.optimization.skip_bad_steps:
            line["skipped_steps"] = self.records.skipped
        self.records.line(line)
        return line

    def _skip(self, error: NotFinite) -> None:
        """Keeps the batch of a bad step and lets the run continue behind it; raises where it must stop."""
        records, most = self.records, self.trainer.optimization.skip_bad_steps
        stops = records.skipped >= most
        records.keep_bad_batch(self.data.batch(error.step - 1), error.step, reason=str(error), stops=stops)
        if stops:
            raise error
        records.skipped += 1
        _log.warning("%s Skipped: %d of %d.", error, records.skipped, most)
        self.step.clear_stop()
