"""Gradients of a step on one replica, in three ways that agree: of the whole batch at once, of parts of it in
turn (supervised losses), or through cached features (contrastive losses, Gao et al. 2021: GradCache).
"""

import contextlib
import functools
from collections.abc import Callable

import tensorflow as tf

from vatt import one_pass, spec
from vatt.engines.execution import Accumulated, Cached, Gradients
from vatt.engines.protocol import Task
from vatt.engines.rows import check_rows, rows_of
from vatt.engines.tensorflow.gather import all_gather
from vatt.protocols import Batch

_POOLED = tuple(f"{modality}/pooled" for modality in spec.MODALITIES)
_FOR_HEADS = (*spec.MASKS.values(), spec.DRAW_KEY)


def gradients_of(settings: Gradients, task: Task, *, compile_towers: bool = False) -> Callable:
    """How the gradients of a task are found.

    Args:
        settings: one of `vatt/engines/execution.py`.
        task: its model's variables exist already.
        compile_towers: let XLA compile what comes before the heads, or all of a model without `project`. It
            must hold no collective; those of the heads and of the loss stay outside.

    Returns:
        (batch, variables, loss_scale) -> (losses, gradients): this replica's share of every loss, float32,
        and the gradients of `loss_scale` times "loss", a dense tensor per variable, not yet summed over
        replicas.
    """
    settings.check(task.loss, task.model)
    if isinstance(settings, Cached):
        return _CachedFeatures(task, settings.rows, compile_towers).gradients
    outputs_of = _compiled_outputs if compile_towers else _outputs
    if isinstance(settings, Accumulated):
        return functools.partial(_accumulated, task, outputs_of, settings.parts)
    return functools.partial(_whole_batch, task, outputs_of)


@functools.cache
def _one_pass(function: Callable) -> Callable:
    return tf.function(function, autograph=False, jit_compile=True)


def _outputs(task: Task, batch):
    # XLA's products are slow on a CPU, its elementwise functions are not.
    only_cpu = {device.device_type for device in tf.config.list_logical_devices()} == {"CPU"}
    with one_pass.compiling(_one_pass) if only_cpu else contextlib.nullcontext():
        return task.model(task.device_inputs(batch, training=True), training=True)


def _compiled_outputs(task: Task, batch):
    """What `_outputs` gives a loss; a function of its own for each replica, whose weights it captures."""
    if not hasattr(task.model, "project"):
        return tf.function(functools.partial(_outputs, task), autograph=False, jit_compile=True)(batch)
    pooled, masks = tf.function(functools.partial(_pooled, task), autograph=False, jit_compile=True)(batch)
    return task.model.project(pooled, masks, training=True)


def _pooled(task: Task, batch):
    """Pooled features, and the masks and draw keys of the inputs, by name: what `project` takes."""
    inputs = task.device_inputs(batch, training=True)
    features = task.model.encode(inputs, training=True)
    pooled = {name: features[name] for name in _POOLED if name in features}
    return pooled, {name: inputs[name] for name in _FOR_HEADS if name in inputs}


def _whole_batch(task: Task, outputs_of: Callable, batch, variables, loss_scale):
    with tf.GradientTape() as tape:
        outputs = outputs_of(task, batch)
        losses = _in_float32(task.loss(outputs, batch, all_gather))
        scaled = losses["loss"] * loss_scale
    return losses, _gradients(tape, scaled, variables)


def _accumulated(task: Task, outputs_of: Callable, parts: int, batch, variables, loss_scale):
    """The mean over equal parts of the rows, one after the other: activations of one part at a time."""
    if hasattr(task.loss, "prepare"):
        batch = task.loss.prepare(batch, all_gather)
    check_rows(rows_of(batch), {"parts": parts})
    rows = rows_of(batch) // parts
    losses, gradients = _whole_batch(task, outputs_of, _rows(batch, 0, rows), variables, loss_scale / parts)
    for number in range(1, parts):
        # A part begins when the gradients of the one before are there: otherwise all would be in memory at
        # once.
        with tf.control_dependencies([*losses.values(), *gradients]):
            part = {name: tf.identity(value) for name, value in _rows(batch, number * rows, rows).items()}
        found = _whole_batch(task, outputs_of, part, variables, loss_scale / parts)
        losses, gradients = tf.nest.map_structure(tf.add, (losses, gradients), found)
    return {name: value / parts for name, value in losses.items()}, gradients


class _CachedFeatures:
    """The whole batch's loss and gradients with the activations of a few rows: encode in chunks and keep
    nothing but the pooled features; run heads, their batch normalisation and the loss once, on all of them;
    encode the chunks again, with the same random draws, to carry the gradients of the features into the
    encoders.
    """

    def __init__(self, task: Task, rows: int, compiled: bool):
        self._task = task
        self._compiled = True if compiled else None
        self._chunk_rows = rows

    def gradients(self, batch: Batch, variables: list, loss_scale: tf.Tensor) -> tuple[dict, list]:
        """See `gradients_of`."""
        local_rows = rows_of(batch)
        check_rows(local_rows, {"rows": self._chunk_rows})
        chunks = local_rows // self._chunk_rows
        features, masks = self._features(batch, chunks)
        with tf.GradientTape() as tape:
            tape.watch(features)
            outputs = self._task.model.project(features, masks, training=True)
            losses = _in_float32(self._task.loss(outputs, batch, all_gather))
            scaled = losses["loss"] * loss_scale
        names = sorted(features)
        found = _gradients(tape, scaled, [*(features[name] for name in names), *variables])
        gradients = dict(zip(names, found))
        return losses, self._into_encoders(batch, variables, chunks, gradients, found[len(names) :])

    def _encoder(self):
        """(batch, number) -> `_pooled` of a chunk; new for each replica, whose weights it captures."""

        def encode(batch, number):
            return _pooled(self._task, _rows(batch, number * self._chunk_rows, self._chunk_rows))

        return tf.function(encode, autograph=False, jit_compile=self._compiled)

    def _features(self, batch, chunks):
        """`_pooled` of all rows. One chunk at a time: `parallel_iterations` would hold several in memory."""
        encode = self._encoder()
        first = tf.constant(0)
        kinds = tf.nest.map_structure(
            lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype),
            encode.get_concrete_function(batch, first).structured_outputs,
        )
        stacked = tf.map_fn(
            lambda number: encode(batch, number),
            tf.range(chunks),
            fn_output_signature=kinds,
            parallel_iterations=1,
        )
        return tf.nest.map_structure(lambda tensor: tf.reshape(tensor, (-1, *tensor.shape[2:])), stacked)

    def _into_encoders(self, batch, variables, chunks, feature_gradients, totals):
        encode = self._encoder()

        def add_chunk(number, *totals):
            with tf.GradientTape() as tape:
                pooled, _ = encode(batch, number)
            names = sorted(pooled)
            rows = [pooled[name].shape[0] for name in names]  # of text: several per clip
            upstream = [
                _rows({name: feature_gradients[name]}, number * count, count)[name]
                for name, count in zip(names, rows)
            ]
            found = _gradients(tape, [pooled[name] for name in names], variables, upstream)
            return number + 1, *(total + each for total, each in zip(totals, found))

        _, *totals = tf.while_loop(
            lambda number, *_: number < chunks,
            add_chunk,
            (tf.constant(0), *totals),
            parallel_iterations=1,
            maximum_iterations=chunks,
        )
        return totals


def _gradients(tape, target, sources, upstream=None):
    found = tape.gradient(
        target, sources, output_gradients=upstream, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    return [tf.convert_to_tensor(gradient) for gradient in found]  # the word table's come sparse


def _in_float32(losses):
    return {name: tf.cast(value, tf.float32) for name, value in losses.items()}


def _rows(batch, first, rows: int):
    """Rows `first` … `first + rows` - 1 of every feature; their number is static even where `first` is not,
    for XLA too, which takes an index [first : first + rows] to be of any length.
    """
    return {
        name: tf.slice(value, [first, *[0] * (value.shape.rank - 1)], [rows, *value.shape[1:]])
        for name, value in batch.items()
    }
