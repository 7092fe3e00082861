"""Gradients of a step, in three ways that agree: of the whole batch at once, of parts of it in turn
(supervised losses), or through cached features (contrastive losses, Gao et al. 2021: GradCache).

Arrays are global: what is summed over rows is summed over devices, and a loss sees all rows.
"""

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import keras

from vatt import one_pass, products, spec
from vatt.engines.execution import Accumulated, Cached, Gradients
from vatt.engines.jax.devices import Devices
from vatt.engines.protocol import Task
from vatt.engines.rows import check_rows, rows_of
from vatt.protocols import Batch

_POOLED = tuple(f"{modality}/pooled" for modality in spec.MODALITIES)
_FOR_HEADS = (*spec.MASKS.values(), spec.DRAW_KEY)


def gradients_of(
    settings: Gradients, task: Task, devices: Devices, product: Callable | None = None
) -> Callable:
    """How the gradients of a task are found.

    Args:
        settings: one of `vatt/engines/execution.py`.
        task: its model's variables exist already.
        devices: among which rows are divided.
        product: see `vatt.products`; None: Keras' own.

    Returns:
        (values of the trained variables, values of the model's others, batch, loss_scale) -> (losses,
        gradients of `loss_scale` times "loss", values of the others after the forward pass); losses are
        float32.
    """
    settings.check(task.loss, task.model)
    forward = _Forward(task, devices, product)
    if isinstance(settings, Cached):
        return _CachedFeatures(forward, settings.rows).gradients
    if isinstance(settings, Accumulated):
        return functools.partial(_accumulated, forward, settings.parts)
    return forward.gradients


class _Forward:
    """The forward pass as functions of the values of variables."""

    def __init__(self, task: Task, devices: Devices, product: Callable | None):
        self.task = task
        self.devices = devices
        self.product = product
        self.trained = trained_variables(task)
        self.others = task.model.non_trainable_variables

    def with_values(self, trained: Sequence, others: Sequence, function: Callable, *arguments) -> tuple:
        """What `function` gives where variables have these values, and the values that it left the others."""
        pairs = [*zip(self.trained, map(self.devices.whole, trained)), *zip(self.others, others)]
        passes = one_pass.compiling(_one_pass) if jax.default_backend() == "cpu" else contextlib.nullcontext()
        made = products.made_by(self.product)
        with keras.StatelessScope(state_mapping=pairs) as scope, passes, made:
            result = function(*arguments)
        return result, [scope.get_current_value(variable) for variable in self.others]

    def gradients(self, trained: Sequence, others: Sequence, batch: Batch, loss_scale: Any) -> tuple:
        """See `gradients_of`."""

        def scaled(trained):
            losses, moved = self.with_values(trained, others, self._losses, batch)
            return losses["loss"] * loss_scale, (losses, moved)

        (_, (losses, moved)), found = jax.value_and_grad(scaled, has_aux=True)(trained)
        return losses, found, moved

    def loss_of(self, outputs: dict, batch: Batch) -> dict:
        """The losses, float32."""
        losses = self.task.loss(outputs, batch, lambda rows: rows)
        return {name: value.astype(jnp.float32) for name, value in losses.items()}

    def _losses(self, batch):
        inputs = self.task.device_inputs(batch, training=True)
        return self.loss_of(self.task.model(inputs, training=True), batch)


def _one_pass(function: Callable) -> Callable:
    """XLA makes one pass of a function by itself, but would compute again for every element what that takes
    of small arrays, such as a clip's colour matrix: five times the work. What a product made it leaves alone.
    """
    return lambda *arguments: function(*map(_made_before, arguments))


def _made_before(value):
    if not isinstance(value, jax.Array) or value.size >= one_pass.WORTH_COMPILING:
        return value
    rows = value.reshape(len(value), -1)
    return (rows @ jnp.eye(rows.shape[1], dtype=rows.dtype)).reshape(value.shape)


def trained_variables(task: Task) -> list:
    """The Keras variables that a task trains: the model's, then the loss's."""
    return [*task.model.trainable_variables, *getattr(task.loss, "trainable_variables", ())]


def _accumulated(forward, parts, trained, others, batch, loss_scale):
    """The mean over equal parts of the rows, one after the other: activations of one part at a time."""
    if hasattr(forward.task.loss, "prepare"):
        batch = forward.task.loss.prepare(batch, lambda rows: rows)
    check_rows(rows_of(batch), {"parts": parts}, replicas=forward.devices.count)
    batches = {name: forward.devices.in_chunks(value, parts) for name, value in batch.items()}

    def add(carry, part):
        others, total = carry
        losses, found, others = forward.gradients(trained, others, part, loss_scale / parts)
        return (others, jax.tree.map(jnp.add, total, found)), losses

    start = others, jax.tree.map(jnp.zeros_like, trained)
    (others, total), losses = jax.lax.scan(add, start, batches)
    return {name: value.mean(0) for name, value in losses.items()}, total, others


class _CachedFeatures:
    """The whole batch's loss and gradients with the activations of a few rows: encode in chunks and keep
    nothing but the pooled features; run heads, their batch normalisation and the loss once, on all of them;
    encode the chunks again, with the same random draws, to carry the gradients of the features into the
    encoders.
    """

    def __init__(self, forward: _Forward, rows: int):
        self._forward = forward
        self._rows = rows

    def gradients(self, trained: Sequence, others: Sequence, batch: Batch, loss_scale: Any) -> tuple:
        """See `gradients_of`."""
        forward, devices = self._forward, self._forward.devices
        check_rows(rows_of(batch), {"rows": self._rows}, replicas=devices.count)
        count = rows_of(batch) // (self._rows * devices.count)
        chunks = {name: devices.in_chunks(value, count) for name, value in batch.items()}

        def encode(trained, chunk):
            return forward.with_values(trained, others, self._encode, chunk)[0]

        features, masks = jax.lax.map(functools.partial(encode, trained), chunks)
        masks = {name: devices.out_of_chunks(value) for name, value in masks.items()}

        def scaled(features, trained):
            features = {name: devices.out_of_chunks(value) for name, value in features.items()}
            losses, moved = forward.with_values(trained, others, self._score, features, masks, batch)
            return losses["loss"] * loss_scale, (losses, moved)

        scored = jax.value_and_grad(scaled, argnums=(0, 1), has_aux=True)(features, trained)
        (_, (losses, moved)), (of_features, total) = scored

        def add(total, part):
            chunk, upstream = part
            _, backward = jax.vjp(lambda trained: encode(trained, chunk)[0], trained)
            return jax.tree.map(jnp.add, total, *backward(upstream)), None

        total, _ = jax.lax.scan(add, total, (chunks, of_features))
        return losses, total, moved

    def _encode(self, chunk):
        """Pooled features of a chunk, and the masks and draw keys of its inputs, by name."""
        inputs = self._forward.task.device_inputs(chunk, training=True)
        features = self._forward.task.model.encode(inputs, training=True)
        pooled = {name: features[name] for name in _POOLED if name in features}
        return pooled, {name: inputs[name] for name in _FOR_HEADS if name in inputs}

    def _score(self, features, masks, batch):
        return self._forward.loss_of(self._forward.task.model.project(features, masks, training=True), batch)
