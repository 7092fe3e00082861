"""A whole engine in a hundred lines: one device, no compilation, Keras' optimizer as it is.

It shows what `vatt/engines/protocol.py` asks, and that a run needs nothing else.
"""

import contextlib
import dataclasses
import signal

import numpy as np
import tensorflow as tf

from vatt import spec
from vatt.engines.workers import Workers


@dataclasses.dataclass
class EagerSnapshot:
    arrays: list

    def write(self, prefix):
        np.savez(f"{prefix}.npz", *self.arrays)


@dataclasses.dataclass
class EagerState:
    """The values of the model and the optimizer, in one NumPy archive."""

    model: object
    optimizer: object
    variables: list

    def _held(self):
        return [*self.model.variables, *(self.optimizer.variables if self.optimizer is not None else ())]

    def snapshot(self):
        return EagerSnapshot([variable.numpy() for variable in self._held()])

    def read(self, prefix, *, partly=False):
        with np.load(f"{prefix}.npz") as arrays:
            for variable, array in zip(self._held(), arrays.values(), strict=not partly):
                variable.assign(array)

    def averaged(self):
        return contextlib.nullcontext()


@dataclasses.dataclass
class EagerStep:
    """One batch after the other; a step that is not finite changes nothing, nor do those after it."""

    task: object
    state: EagerState
    seed: int
    stopped: bool = False

    feed = staticmethod(iter)

    def run(self, iterator, count):
        results, good = {}, 0
        for _ in range(count):
            found = self._step(next(iterator))
            if results.get("finite", True):
                results = found
            good += results["finite"]
        return results | {"steps": good, "data_wait_seconds": 0.0}

    def clear_stop(self):
        self.stopped = False

    def _step(self, batch):
        model, variables, optimizer = self.task.model, self.state.variables, self.state.optimizer
        index = tf.cast(batch[spec.EXAMPLE_INDEX], tf.int32)
        batch = {**batch, "draw_key": tf.stack([tf.fill(tf.shape(index), self.seed), index], axis=1)}
        before = [variable.numpy() for variable in model.non_trainable_variables]
        values = [variable.value for variable in variables]
        with tf.GradientTape() as tape:
            outputs = model(self.task.device_inputs(batch, training=True), training=True)
            losses = self.task.loss(outputs, batch, lambda rows: rows)
        gradients = [tf.convert_to_tensor(each) for each in tape.gradient(losses["loss"], values)]
        squares = np.array([float(tf.reduce_sum(tf.square(each))) for each in gradients])
        rate = float(optimizer.learning_rate)
        self.stopped |= not (np.isfinite(squares).all() and np.isfinite(losses["loss"]))
        if self.stopped:
            for variable, value in zip(model.non_trainable_variables, before):
                variable.assign(value)
        else:
            optimizer.apply(gradients, variables)
        return {
            **{name: float(value) for name, value in losses.items()},
            "learning_rate": rate,
            "gradient_norm": float(np.sqrt(squares.sum())),
            "finite": not self.stopped,
            "squared_norms": squares,
        }


class EagerEngine:
    """An `Engine`."""

    replicas = 1
    is_accelerated = divides_state = False

    def __init__(self):
        self.workers = Workers()

    def describe(self):
        return "one device, nothing compiled"

    def precision(self, asked):
        return asked

    def scope(self):
        return contextlib.nullcontext()

    def build(self, task, rows, *, check_loss=True):
        outputs = task.model(task.device_inputs(rows, training=False), training=False)
        if check_loss:
            task.loss(outputs, rows, lambda local: local)

    def place(self, task, optimizer, optimization):
        if optimizer is not None:
            optimizer.build(task.model.trainable_variables)
        return EagerState(task.model, optimizer, list(task.model.trainable_variables))

    def make_step(self, task, state, *, optimization, execution, seed):
        return EagerStep(task, state, seed)

    def telemetry(self, task, rows, peak_flops):
        return self

    def numbers(self, clips_per_second):
        return {}

    @contextlib.contextmanager
    def guard(self, fault):
        yield self

    def call(self, function, *arguments):
        return function(*arguments)

    @contextlib.contextmanager
    def preemption(self, settings, model_dir, save):
        yield self

    signals = (signal.SIGINT, signal.SIGTERM)

    def ends_after(self, step):
        return False

    def profiled(self, run_steps, directory):
        return run_steps
