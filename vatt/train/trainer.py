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
from vatt.engines.protocol import State, Step, Task
from vatt.train.batch_summary import summarize
from vatt.train.context import MODEL_FILE, Job, RunContext
from vatt.train.dry_run import count_weights, describe_batch, describe_model
from vatt.train.evaluation import check_evaluators
from vatt.train.interruption import Interruption
from vatt.train.meter import Meter, NotFinite
from vatt.train.progress import ProgressDisplay
from vatt.train.relations import check_relations
from vatt.train.run_records import RunRecords
from vatt.train.settings import Checkpoints, Evaluation, Logging, is_every
from vatt.train.training_data import TrainingData
from vatt.whole_file import whole_file

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
        self.execution.gradients.check(self.loss)
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
        data = self._data(run)
        batches = data.few_rows()
        describe_batch(next(iter(batches)), self.batch_size)
        run.engine.build(self.task, batches)
        describe_model(self.model)
        check_evaluators(self.evaluation.all, self.model)
        return 0

    def build(self, run: RunContext) -> State:
        """The state of a run, without an optimizer, to read a checkpoint into."""
        run.engine.build(self.task, self._data(run).first(0), check_loss=False)
        return run.engine.place(self.task, None, self.optimization)

    def train(self, run: RunContext) -> int:
        """Trains, evaluates and reports; returns the exit status: 0, or 130 after Ctrl-C."""
        engine, workers = run.engine, run.engine.workers
        data = self._data(run)
        if workers.count > 1:
            _log.info("%s", workers.share_of(self.batch_size))
        workers.agree_on(data.facts, "data")
        records = RunRecords(run=run, checkpoints=self.checkpoints, evaluation=self.evaluation)
        if workers.from_chief(records.first_step >= self.steps and records.is_finished):
            records.log_finished(self.steps)
            return 0

        rows = engine.build(self.task, data.first(records.first_step))
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
        live = _Live(run=run, data=data, records=records, state=state, step=step, telemetry=telemetry)
        with (
            records.writing(self.logging.writers),
            workers.explaining(),
            engine.guard(data.fault) as guard,
            engine.preemption(self.execution.preemption, run.model_dir, records.save) as preemption,
        ):
            done, interruption = self._loop(live, functools.partial(guard.call, step.run), preemption)
            records.save(done)
            if done < self.steps:
                _log.info("Stopped at step %d of %d; saved. To resume:\n  %s", done, self.steps, run.command)
                workers.meet()
                return interruption.exit_status
            _log.info("Evaluating." if workers.is_chief else "Worker 0 evaluates.")
            records.evaluate(state, done, self.evaluation.all)
        records.finish()
        workers.meet()  # a worker that leaves early takes the others with it
        return 0

    def _loop(self, live: "_Live", run_steps: Callable, preemption: Any) -> tuple[int, Interruption]:
        """Steps done, and the interruption, whose `signal` says why the loop ended early, if it did."""
        run, records, data, workers = live.run, live.records, live.data, live.run.engine.workers
        if run.profile and workers.is_chief:
            run_steps = run.engine.profiled(run_steps, run.model_dir / "events")
        step = begin = records.first_step
        meter = Meter(
            first_step=step,
            batch_size=self.batch_size,
            variable_names=[variable.path for variable in live.state.variables],
            seconds_before=records.seconds,
        )
        batches = iter(data.first(step))
        with Interruption(preemption.signals) as interruption, ProgressDisplay(step, self.steps) as progress:
            while step < self.steps and not workers.any(interruption.signal is not None):
                count = self._steps_of_a_call(step)
                meter.add(step, run_steps(batches, count))
                is_first, step = step == begin, step + count
                is_line_due = is_first or step == self.steps or is_every(self.logging.every, step)
                is_more_due = self._is_due(step)
                line = None
                if (is_line_due or is_more_due) and (bad := meter.sync()) is not None:
                    self._skip(bad, live)
                    step = begin = bad.step
                    batches = iter(data.batches(step))
                    continue
                if is_line_due:
                    line = self._line(meter.line(step), live)
                progress.show(step, line)
                if is_more_due:
                    with meter.paused():
                        self._after(step, live)
                if preemption.ends_after(step):
                    break
            if (bad := meter.sync()) is not None:
                self._skip(bad, live)
                step = bad.step
        return step, interruption

    def _steps_of_a_call(self, step: int) -> int:
        """A call ends at a multiple of `steps_per_loop`."""
        most = self.execution.steps_per_loop
        return min(most - step % most, self.steps - step)

    def _is_due(self, step: int) -> bool:
        """Whether `_after` has anything to do."""
        return (
            is_every(self.checkpoints.every, step)
            or bool(self._evaluators_due(step))
            or is_every(self.logging.summary_every, step)
        )

    def _evaluators_due(self, step: int) -> list:
        return self.evaluation.due(step) if step < self.steps else []

    def _after(self, step: int, live: "_Live") -> None:
        """Saves, evaluates and summarizes what is due after `step` steps."""
        evaluators = self._evaluators_due(step)
        if is_every(self.checkpoints.every, step) or (evaluators and self.checkpoints.keep_best is not None):
            live.records.save(step)
        if evaluators:
            live.records.evaluate(live.state, step, evaluators)
        if is_every(self.logging.summary_every, step) and live.records.events is not None:
            summarize(live.data.batch(step), task=self.task, events=live.records.events, step=step)

    def _line(self, line: dict[str, Any], live: "_Live") -> dict[str, Any]:
        """Completes a line and writes it to the journal."""
        line.update(live.telemetry.numbers(line["clips_per_second"]))
        if damaged := live.data.corrupt_records:
            line["damaged_records"] = damaged
        if self.optimization.skip_bad_steps:
            line["skipped_steps"] = live.records.skipped
        live.records.line(line)
        return line

    def _skip(self, error: NotFinite, live: "_Live") -> None:
        """Keeps the batch of a bad step and lets the run continue behind it; raises where it must stop."""
        records, most = live.records, self.optimization.skip_bad_steps
        stops = records.skipped >= most
        records.keep_bad_batch(live.data.batch(error.step - 1), error.step, reason=str(error), stops=stops)
        if stops:
            raise error
        records.skipped += 1
        _log.warning("%s Skipped: %d of %d.", error, records.skipped, most)
        live.step.clear_stop()

    def _data(self, run: RunContext) -> TrainingData:
        return TrainingData(
            self.dataset,
            batch_size=self.batch_size,
            seed=run.seed,
            workers=run.engine.workers,
        )

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
            with whole_file(run.model_dir / MODEL_FILE) as file:
                file.write(architecture.encode())
        data.describe(run.model_dir)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Live:
    """The objects of one start of a run."""

    run: RunContext
    data: TrainingData
    records: RunRecords
    state: State
    step: Step
    telemetry: Any
