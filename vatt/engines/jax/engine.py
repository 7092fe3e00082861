"""The engine that runs a task by `jax.jit` on one device, several, or those of several processes."""

import contextlib
import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils

from vatt.engines import cluster
from vatt.engines.execution import Execution, Preemption
from vatt.engines.jax import products
from vatt.engines.jax.devices import Devices
from vatt.engines.jax.gradients import gradients_of, trained_variables
from vatt.engines.jax.loss_scale import LossScale
from vatt.engines.jax.state import State
from vatt.engines.jax.step import TrainStep
from vatt.engines.jax.telemetry import Telemetry
from vatt.engines.jax.update import Update
from vatt.engines.jax.workers import connected
from vatt.engines.optimization import Optimization
from vatt.engines.profile import profiled
from vatt.engines.protocol import Guarded, Task
from vatt.engines.workers import Workers
from vatt.errors import RunError
from vatt.protocols import Batch

_log = logging.getLogger(__name__)


def start(strategy: str) -> "JaxEngine":
    """The engine on the devices of a strategy's name, see `Devices`."""
    _, addresses = cluster.place()
    if len(addresses) > 1 and strategy == "one_device":
        raise RunError(
            f"{len(addresses)} workers are named, so that `run.strategy` must be 'data' or 'fsdp'. "
            f"Received: {strategy!r}. Set it, or unset TF_CONFIG."
        )
    import tensorflow as tf  # which a step of noise does without

    tf.config.set_visible_devices([], "GPU")  # it makes batches, on the CPU
    if len(addresses) > 1:
        _log.info("Waiting for all of %d workers: %s.", len(addresses), ", ".join(addresses))
    workers = connected()  # before JAX looks for devices
    return JaxEngine(Devices(strategy), workers)


class JaxEngine:
    """An `Engine`, whose protocol says what each method does.

    Args:
        devices: of all workers.
        workers: see `Workers`.
    """

    def __init__(self, devices: Devices, workers: Workers):
        self.devices = devices
        self.workers = workers
        self.replicas = devices.count
        self._product = None

    @property
    def divides_state(self) -> bool:
        return self.devices.divide_among_processes

    @property
    def is_accelerated(self) -> bool:
        return jax.default_backend() != "cpu"

    def describe(self) -> str:
        return f"{self.devices.describe()}; {self.replicas} replica(s)"

    def precision(self, asked: str) -> str:
        if self.is_accelerated or asked != "mixed_bfloat16":
            return asked
        factors = ""
        # XLA divides no array whose layout is asked for among devices.
        if self.replicas == 1 and products.are_fast():
            self._product, factors = (
                products.rounded_product,
                ", but for the factors of linear maps in training",
            )
        _log.info(
            "Computing in float32%s, not in run.precision='%s': JAX is faster so on a CPU.", factors, asked
        )
        return "float32"

    def scope(self) -> AbstractContextManager:
        return contextlib.nullcontext()

    def build(self, task: Task, rows: Batch, *, check_loss: bool = True) -> None:
        def call(rows):
            outputs = task.model(task.device_inputs(rows, training=False), training=False)
            return task.loss(outputs, rows, lambda local: local) if check_loss else outputs

        # Traced alone: operations one by one would each be compiled. Variables get their values at the end.
        with keras.StatelessScope():
            jax.eval_shape(call, {name: np.asarray(value) for name, value in rows.items()})

    def place(self, task: Task, optimizer: Any, optimization: Optimization) -> State:
        variables = trained_variables(task)
        if optimizer is not None:
            optimizer.build(variables)
        state = State(
            model=task.model,
            devices=self.devices,
            optimizer=optimizer,
            loss=list(getattr(task.loss, "trainable_variables", ())),
            averages=[keras.Variable(each, trainable=False) for each in variables]
            if optimization.average is not None
            else (),
            loss_scale=LossScale() if keras.config.dtype_policy().compute_dtype == "float16" else None,
        )
        for variable in state.held:
            variable.assign(self.devices.place(variable))
        return state

    def make_step(
        self, task: Task, state: State, *, optimization: Optimization, execution: Execution, seed: int
    ) -> TrainStep:
        if execution.deterministic:
            _log.warning("Execution.deterministic=True has no effect on JAX: set XLA_FLAGS.")
        if execution.jit_compile is False:
            _log.warning("Execution.jit_compile=False has no effect on JAX: every step is compiled.")
        return TrainStep(
            devices=self.devices,
            state=state,
            gradients=gradients_of(execution.gradients, task, self.devices, self._product),
            update=Update(state, optimization),
            seed=seed,
        )

    def telemetry(self, task: Task, rows: Batch, peak_flops: float | str | None) -> Telemetry:
        return Telemetry(task=task, rows=rows, replicas=self.replicas, peak_flops=peak_flops)

    def guard(self, fault: Callable[[], str | None] | None) -> AbstractContextManager[Guarded]:
        from vatt.engines.guard import Guard  # imports TensorFlow

        return Guard(fault)

    @contextlib.contextmanager
    def preemption(
        self, settings: Preemption | None, model_dir: Path, save: Callable[[int], None]
    ) -> Iterator["_Notice"]:
        if settings is not None and settings.grace_seconds is not None:
            _log.warning(
                "Preemption.grace_seconds=%s has no effect on JAX: the run ends with the step.",
                settings.grace_seconds,
            )
        yield _Notice(is_watched=settings is not None and self.workers.count > 1)

    def profiled(self, run_steps: Callable[..., dict], directory: Path) -> Callable[..., dict]:
        return profiled(run_steps, directory, jax.profiler.start_trace, jax.profiler.stop_trace)


class _Notice:
    """SIGTERM is the caller's in a single process; several ask JAX, which tells all of them the same step."""

    def __init__(self, is_watched: bool):
        self._is_watched = is_watched
        self.signals = (signal.SIGINT,) if is_watched else (signal.SIGINT, signal.SIGTERM)

    def ends_after(self, step: int) -> bool:
        return self._is_watched and multihost_utils.reached_preemption_sync_point(step)
