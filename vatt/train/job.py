"""The job `train`: trains a model on a dataset, evaluates it, and writes the report; the same call continues
a run.

It knows the nouns of `vatt/protocols.py` and nothing else: gin hands it the objects. What it does, in order:
find the newest checkpoint, build and restore, run the loop, evaluate, report. Everything that a continued
run needs is in the checkpoint, because the order of clips and every random draw are pure functions of the
seed and the step.
"""

import functools
import json
import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import gin
import keras
import tensorflow as tf

from vatt.engines.groups import Group
from vatt.engines.tensorflow.average import WeightAverage
from vatt.engines.tensorflow.gradients import Accumulated, Cached, WholeBatch
from vatt.engines.tensorflow.guard import Guard
from vatt.engines.tensorflow.loss_scale import LossScale
from vatt.engines.tensorflow.peak import measured_peak
from vatt.engines.tensorflow.preemption import Preemption
from vatt.engines.tensorflow.profile import profiled
from vatt.engines.tensorflow.step import TrainStep
from vatt.engines.tensorflow.telemetry import Telemetry
from vatt.engines.tensorflow.update import Update
from vatt.engines.tensorflow.workers import Workers
from vatt.protocols import MetricWriter
from vatt.train.batch_summary import look_at
from vatt.train.context import INPUTS_FILE, MODEL_FILE, RunContext
from vatt.train.dry_run import count_weights, describe_batch, describe_model, shares
from vatt.train.evaluation import check_evaluators
from vatt.train.host_drop_token import connect
from vatt.train.identity import identity
from vatt.train.loop import NotFinite, train_loop
from vatt.train.relations import check_relations, checked_by, warn_of_few_clips
from vatt.train.run_records import RunRecords
from vatt.whole_file import whole_file

_log = logging.getLogger(__name__)

# Rows of the batch that the variables are made from: as few as possible, two so that no statistic is
# degenerate.
_BUILD_ROWS = 2


@gin.register
@checked_by(check_relations)
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
    keep_every: int | None = None,
    keep_best: str | None = None,
    lowest_is_best: bool = False,
    log_every: int = 10,
    evaluators: Sequence[Any] = (),
    evaluate_every: int | None = None,
    look_every: int | None = None,
    report: Callable | None = None,
    writers: Sequence[MetricWriter] = (),
    peak_flops: float | str | None = None,
    skip_bad_steps: int = 0,
    clip_global_norm: float | None = None,
    groups: Sequence[Group] = (),
    layer_decay: float | None = None,
    average: WeightAverage | None = None,
    preemption: Preemption | None = None,
    steps_per_loop: int = 1,
    cached_chunk: int | None = None,
    accumulate: int = 1,
    jit_compile: bool = False,
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
        keep_every: checkpoints at multiples of so many steps stay for good; None for none.
        keep_best: name of a number in `metrics.json`; the checkpoint where it was highest stays, and every
            evaluation gets a checkpoint. None for none.
        lowest_is_best: where `keep_best` is such as a rank or a loss.
        log_every: steps between two lines of the journal.
        evaluate_every: steps between two evaluations on the way; None for one at the end only.
        look_every: steps between two looks at a batch for TensorBoard, see `look.py`; None for none.
        report: called with the run directory at the end; returns the path of what it wrote.
        writers: more places for the numbers, see `vatt/train/trackers.py`.
        peak_flops: what one device can do, in operations per second, for the utilisation; "measured" to
            measure it by matrix products at the start; None for no utilisation.
        skip_bad_steps: how many steps that are not finite the run may leave out before it stops.
        clip_global_norm: upper bound of the norm of all gradients together; None for no bound.
        groups: weights with learning rates and bounds of their own, such as backbone and head.
        layer_decay: factor of the learning rate per layer down from the heads (`layer_factors`); None for 1.
        average: a moving average of the weights, which is then what evaluators see.
        preemption: heeds the notice of a machine that is about to be taken away; None heeds SIGTERM alone.
        steps_per_loop: steps of one compiled call, between which Python does nothing; divides the other
            intervals.
        cached_chunk: rows of a replica that are encoded at a time, for batches larger than memory (`Cached`,
            for contrastive losses); None for all at once.
        accumulate: parts of a replica's rows whose gradients are added up, for supervised losses
            (`Accumulated`).
        jit_compile: let XLA compile the step, on one device.

    Returns:
        The exit status: 0, or 130 after Ctrl-C.
    """
    if keep_best is not None and evaluate_every is None:
        raise ValueError(
            "`train.keep_best` chooses among evaluations on the way. Received: "
            f"keep_best={keep_best!r}, evaluate_every=None. Set `train.evaluate_every`."
        )
    gradients = _way(model, loss, device_inputs, cached_chunk, accumulate)
    connect(dataset, model, look_every=look_every)
    workers = Workers(run.strategy)
    run.on_built()
    if workers.count > 1:
        _log.info("%s", workers.share_of(batch_size))
    facts = identity(dataset, batch_size=batch_size, seed=run.seed)
    workers.agree_on(facts, "data")

    def batches_from(step: int) -> tf.data.Dataset:
        shard = {"shard_index": workers.index, "shard_count": workers.count} if workers.count > 1 else {}
        return dataset.train_batches(batch_size=batch_size, first_step=step, seed=run.seed, **shard)

    if run.dry_run:
        shard = {"shard_index": workers.index % shares(batch_size), "shard_count": shares(batch_size)}
        batches = dataset.train_batches(batch_size=batch_size, first_step=0, seed=run.seed, **shard)
        describe_batch(next(iter(batches)), batch_size)
        _build(model, device_inputs, batches.element_spec, loss)
        describe_model(model)
        check_evaluators(evaluators, model)
        return 0
    if run.instead is not None:
        _build(model, device_inputs, batches_from(0).element_spec)
        if average is not None:
            average.build(model.trainable_variables)
        return run.instead(model=model, average=average, evaluators=evaluators, steps=steps, report=report)

    records = RunRecords(
        run=run,
        workers=workers,
        evaluators=evaluators,
        report=report,
        keep=keep_checkpoints,
        keep_every=keep_every,
        keep_best=keep_best,
        lowest_is_best=lowest_is_best,
    )
    first_step = records.first_step
    if workers.from_chief(first_step >= steps and records.is_finished):
        _log.info(
            "This run is finished: %d of %d steps, evaluated. Its numbers: %s",
            first_step,
            steps,
            run.model_dir / "metrics.json",
        )
        records.finish(only_if_missing=True)
        return 0

    batches = batches_from(first_step)
    rows = _build(model, device_inputs, batches.element_spec, loss)
    check_evaluators(evaluators, model)
    of_loss = list(getattr(loss, "trainable_variables", ()))
    variables = [*model.trainable_variables, *of_loss]
    optimizer.build(variables)
    saved = {"model": model, "optimizer": optimizer}
    if of_loss:
        saved["loss"] = {variable.path: variable.value for variable in of_loss}
    if average is not None:
        average.build(variables)
        saved["average"] = average
    loss_scale = None
    if keras.config.dtype_policy().compute_dtype == "float16":
        loss_scale = saved["loss_scale"] = LossScale()
    records.restore(saved, facts)
    if first_step:
        _log.info("Continuing from step %d of %d.", first_step, steps)
    else:
        _log.info("Training %s weights for %d steps.", f"{count_weights(variables):,}", steps)
        warn_of_few_clips(dataset, batch_size=batch_size, steps=steps)
    if workers.is_chief:
        _describe_for_others(model, dataset, run.model_dir)
    train_step = TrainStep(
        strategy=run.strategy,
        model=model,
        gradients=gradients,
        update=Update(
            optimizer=optimizer,
            variables=variables,
            clip_global_norm=clip_global_norm,
            groups=groups,
            layer_decay=layer_decay,
            average=average,
        ),
        seed=run.seed,
        loss_scale=loss_scale,
        jit_compile=jit_compile,
    )
    if peak_flops == "measured":
        peak_flops = measured_peak(keras.config.dtype_policy().compute_dtype)
        _log.info("Measured peak of one device: %.3g operations per second.", peak_flops)
    telemetry = Telemetry(
        model=model,
        device_inputs=device_inputs,
        rows=rows,
        replicas=run.strategy.num_replicas_in_sync,
        peak_flops=peak_flops,
    )

    def is_every(interval: int | None, step: int) -> bool:
        return interval is not None and step % interval == 0

    def evaluation_is_due(step: int) -> bool:
        return is_every(evaluate_every, step) and step < steps

    def is_due(step: int) -> bool:
        return is_every(checkpoint_every, step) or evaluation_is_due(step) or is_every(look_every, step)

    def after_step(step: int) -> None:
        if is_every(checkpoint_every, step) or (evaluation_is_due(step) and keep_best is not None):
            records.save(step)
        if evaluation_is_due(step):
            records.evaluate(model, step)
        if is_every(look_every, step) and records.events is not None:
            batch = next(iter(batches_from(step)))
            look_at(batch, model=model, device_inputs=device_inputs, events=records.events, step=step)

    def write_line(line: dict) -> None:
        line.update(telemetry.numbers(line["clips_per_second"]))
        if damaged := dataset.info.corrupt_records():  # met since this start
            line["damaged_records"] = damaged
        if skip_bad_steps:
            line["skipped_steps"] = records.skipped
        records.line(line)

    def loop_from(step: int):
        its_batches = batches if step == first_step else batches_from(step)  # tracing them takes a second
        run_steps = functools.partial(guard.call, train_step.run, iter(its_batches))
        if run.profile and workers.is_chief:
            run_steps = profiled(run_steps, run.model_dir / "events")
        return train_loop(
            run_steps=run_steps,
            first_step=step,
            steps=steps,
            steps_per_loop=steps_per_loop,
            batch_size=batch_size,
            variable_names=[variable.path for variable in variables],
            log_every=log_every,
            seconds_before=records.seconds,
            write_line=write_line,
            is_due=is_due,
            after_step=after_step,
            any_worker=workers.any,
            preemption=preemption,
        )

    guard = Guard(dataset.info.fault)
    watched = preemption.watching(run.strategy, run.model_dir, records.save) if preemption else nullcontext()
    with records.writing(writers), workers.explaining(), guard, watched:
        step = first_step
        while True:
            try:
                step, interruption = loop_from(step)
                break
            except NotFinite as error:
                stops = records.skipped >= skip_bad_steps
                batch = next(iter(batches_from(error.step - 1)))
                records.keep_bad_batch(batch, error.step, reason=str(error), stops=stops)
                if stops:
                    raise
                records.skipped += 1
                _log.warning("%s Left out: %d of %d.", error, records.skipped, skip_bad_steps)
                train_step.go_on()
                step = error.step
        records.save(step)
        if step < steps:
            _log.info("Stopped at step %d of %d; saved. To go on:\n  %s", step, steps, run.command)
            workers.meet()
            return interruption.exit_status
        _log.info("Evaluating." if workers.is_chief else "Worker 0 evaluates.")
        records.evaluate(model, step)
    records.finish()
    workers.meet()  # who leaves early takes the others with it
    return 0


def _way(model, loss, device_inputs, cached_chunk: int | None, accumulate: int) -> Callable:
    """How the gradients of a batch are found, see `vatt/engines/tensorflow/gradients.py`."""
    parts = {"model": model, "loss": loss, "device_inputs": device_inputs}
    if cached_chunk is not None:
        return Cached(**parts, rows=cached_chunk)
    return Accumulated(**parts, parts=accumulate) if accumulate > 1 else WholeBatch(**parts)


def _build(model, device_inputs, kinds: dict[str, tf.TensorSpec], loss=None) -> dict[str, tf.Tensor]:
    """Makes the model's variables, from an empty batch of a few rows and outside any compiled function; gives
    that batch. A loss is given what the model made of it: what it lacks, it says now.
    """
    rows = {name: tf.zeros((_BUILD_ROWS, *kind.shape[1:]), kind.dtype) for name, kind in kinds.items()}
    outputs = model(device_inputs(rows, training=False), training=False)
    if loss is not None:
        loss(outputs, rows, lambda local: local)
    return rows


def _describe_for_others(model, dataset, model_dir) -> None:
    """What a checkpoint is of no use without: the model's architecture, what it takes, its words, classes."""
    try:
        architecture = json.dumps(keras.saving.serialize_keras_object(model), indent=1)
    except (NotImplementedError, TypeError) as error:  # a model of the user's own, without `get_config`
        _log.info(
            "Runs that start from this one need %s, which its model does not allow: %s", MODEL_FILE, error
        )
    else:
        _write(model_dir / MODEL_FILE, architecture)
    info = dataset.info
    if info.input_facts is not None:
        text = json.dumps(info.input_facts, indent=1, ensure_ascii=False)
        _write(model_dir / INPUTS_FILE, text)
    lists = {
        "vocabulary.txt": info.tokenizer and info.tokenizer.words,
        "labels.txt": info.label_names or None,
    }
    for name, lines in lists.items():
        if lines is not None:
            _write(model_dir / name, "".join(f"{line}\n" for line in lines))


def _write(path, text) -> None:
    with whole_file(path) as file:
        file.write(text.encode())
