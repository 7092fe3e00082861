"""The job `train`: trains a model on a dataset, evaluates it, and writes the report; the same call continues
a run.

It knows the nouns of `vatt/protocols.py` and nothing else: gin hands it the objects. What it does, in order:
find the newest checkpoint, build and restore, run the loop, evaluate, report. Everything that a continued
run needs is in the checkpoint, because the order of clips and every random draw are pure functions of the
seed and the step.
"""

import itertools
import logging
from collections.abc import Callable, Sequence
from typing import Any

import gin
import tensorflow as tf

from vatt.train.checkpoint import Checkpoints
from vatt.train.context import RunContext
from vatt.train.evaluation import Evaluations
from vatt.train.journal import Journal
from vatt.train.loop import NotFinite, train_loop
from vatt.train.step import TrainStep
from vatt.train.strategy import split_batch

_log = logging.getLogger(__name__)

# Rows of the batch that the variables are made from: as few as possible, two so that no statistic is
# degenerate.
_BUILD_ROWS = 2


@gin.register
def train(
    *,
    run: RunContext,
    model: Any,
    dataset: Any,
    loss: Callable,
    device_inputs: Callable,
    optimizer: Any,
    batch_size: int,
    steps: int,
    checkpoint_every: int,
    keep_checkpoints: int = 3,
    log_every: int = 10,
    evaluators: Sequence[Any] = (),
    evaluate_every: int | None = None,
    report: Callable | None = None,
    clip_global_norm: float | None = None,
) -> int:
    """Trains up to `steps` steps from wherever the run directory stands.

    Args:
        run: given by `vatt.run.run`, not by the configuration.
        model, dataset, loss, evaluators: as in `vatt/protocols.py`.
        device_inputs: (batch, training) -> the model's inputs.
        optimizer: a Keras optimizer (`vatt/train/optimizer.py`).
        batch_size: clips of a global batch; a multiple of the number of replicas.
        steps: steps of the whole run.
        checkpoint_every: steps between two checkpoints; the last step is always saved.
        keep_checkpoints: how many of the newest to keep.
        log_every: steps between two lines of the journal.
        evaluate_every: steps between two evaluations on the way; None for one at the end only.
        report: called with the run directory at the end; returns the path of what it wrote.
        clip_global_norm: upper bound of the norm of all gradients together; None for no bound.

    Returns:
        The exit status: 0, or 130 after Ctrl-C.
    """
    for name, value in {
        "batch_size": batch_size,
        "steps": steps,
        "checkpoint_every": checkpoint_every,
        "log_every": log_every,
        "evaluate_every": evaluate_every or 1,
    }.items():
        if value < 1:
            raise ValueError(f"`train.{name}` must be at least 1. Received: {value}.")
    run.on_built()
    if run.dry_run:
        _describe(model, dataset, device_inputs, batch_size, run.seed)
        return 0
    checkpoints = Checkpoints(run.model_dir / "checkpoints", keep_checkpoints)
    evaluations = Evaluations(run.model_dir, evaluators)
    first_step = checkpoints.newest() or 0
    if first_step >= steps and evaluations.are_done(first_step):
        _log.info(
            "This run is finished: %d of %d steps, evaluated. Its numbers: %s",
            first_step,
            steps,
            run.model_dir / "metrics.json",
        )
        _report(report, run, only_if_missing=True)
        return 0

    _save_vocabulary(dataset, run.model_dir)
    batches = iter(dataset.train_batches(batch_size=batch_size, first_step=first_step, seed=run.seed))
    first_batch = next(batches)
    _build(model, device_inputs, first_batch, run.seed)
    variables = model.trainable_variables
    optimizer.build(variables)
    saved = {"model": model, "optimizer": optimizer}
    if first_step:
        checkpoints.restore(first_step, **saved)
        _log.info("Continuing from step %d of %d.", first_step, steps)
    else:
        _log.info("Training %s weights for %d steps.", f"{_count(variables):,}", steps)

    journal = Journal(run.model_dir, first_step)
    evaluations.cut_back(first_step)
    step_function = TrainStep(
        strategy=run.strategy,
        model=model,
        loss=loss,
        device_inputs=device_inputs,
        optimizer=optimizer,
        seed=run.seed,
        clip_global_norm=clip_global_norm,
    )
    saved_step = first_step

    def save(step: int) -> None:
        nonlocal saved_step
        if step != saved_step:
            checkpoints.save(step, **saved)
            saved_step = step

    def after_step(step: int) -> None:
        if step % checkpoint_every == 0:
            save(step)
        if evaluate_every and step % evaluate_every == 0 and step < steps:
            journal.write_evaluation(step, evaluations.run(model, step))

    try:
        step, interruption = train_loop(
            batches=itertools.chain([first_batch], batches),
            step_function=lambda batch: step_function(split_batch(run.strategy, batch)),
            first_step=first_step,
            steps=steps,
            batch_size=batch_size,
            variable_names=[variable.path for variable in variables],
            log_every=log_every,
            seconds_before=journal.seconds,
            write_line=journal.write,
            after_step=after_step,
        )
        save(step)
        if step < steps:
            _log.info("Stopped at step %d of %d; saved. To go on:\n  %s", step, steps, run.command)
            return interruption.exit_status
        _log.info("Evaluating.")
        journal.write_evaluation(step, evaluations.run(model, step))
    except NotFinite:
        _log.error("Checkpoint kept: %s", checkpoints.prefix(saved_step) if saved_step else "none yet")
        raise
    finally:
        journal.close()
    evaluations.print_tables()
    _report(report, run)
    return 0


def _build(model, device_inputs, batch, seed: int) -> None:
    """Makes the model's variables, from the first rows of a batch and outside any compiled function."""
    rows = {name: value[:_BUILD_ROWS] for name, value in batch.items()}
    model(device_inputs(rows, training=False), training=False)


def _save_vocabulary(dataset, model_dir) -> None:
    """The words the model is trained on belong to the run: without them its text encoder is of no use."""
    words = getattr(getattr(dataset, "vocabulary", None), "words", None)
    if words is not None:
        text = "".join(f"{word}\n" for word in words)
        (model_dir / "vocabulary.txt").write_text(text, encoding="utf-8")


def _report(report, run: RunContext, *, only_if_missing: bool = False) -> None:
    if report is None:
        return
    path = run.model_dir / "report.html"
    if not (only_if_missing and path.is_file()):
        path = report(run.model_dir) or run.model_dir
    _log.info("Report: %s", path)


def _count(variables) -> int:
    return sum(int(tf.size(variable)) for variable in variables)


def _describe(model, dataset, device_inputs, batch_size: int, seed: int) -> None:
    """What a dry run prints: the first batch, feature by feature, and the model's size."""
    batch = next(iter(dataset.train_batches(batch_size=batch_size, first_step=0, seed=seed)))
    _log.info("First batch:")
    for name, value in batch.items():
        numbers = tf.cast(value, tf.float32)
        _log.info(
            "  %-14s %-8s %-22s min %g  mean %g  max %g",
            name,
            value.dtype.name,
            tuple(value.shape),
            tf.reduce_min(numbers),
            tf.reduce_mean(numbers),
            tf.reduce_max(numbers),
        )
    _build(model, device_inputs, batch, seed)
    _log.info("Model: %s trainable weights, by part:", f"{_count(model.trainable_variables):,}")
    parts: dict[str, int] = {}
    for variable in model.trainable_variables:
        part = "/".join(variable.path.split("/")[:2])
        parts[part] = parts.get(part, 0) + _count([variable])
    for part, count in parts.items():
        _log.info("  %-40s %12s", part, f"{count:,}")
