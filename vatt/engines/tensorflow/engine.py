"""The engine that runs a task by `tf.distribute`: one device, Mirrored, MultiWorker, TPU."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from vatt.engines import cluster
from vatt.engines.execution import Execution, Preemption
from vatt.engines.guard import Guard
from vatt.engines.optimization import Optimization
from vatt.engines.profile import profiled
from vatt.engines.protocol import Notice, Task
from vatt.engines.tensorflow.average import AveragedWeights
from vatt.engines.tensorflow.fused_step import FusedStep
from vatt.engines.tensorflow.gradients import gradients_of
from vatt.engines.tensorflow.graphs import release_graphs
from vatt.engines.tensorflow.loss_scale import LossScale
from vatt.engines.tensorflow.preemption import watching
from vatt.engines.tensorflow.state import State
from vatt.engines.tensorflow.step import TrainStep
from vatt.engines.tensorflow.strategy import make_strategy
from vatt.engines.tensorflow.telemetry import Telemetry
from vatt.engines.tensorflow.update import Update
from vatt.engines.tensorflow.workers import workers_of
from vatt.errors import RunError
from vatt.protocols import Batch

_log = logging.getLogger(__name__)


def start(strategy: str) -> "TensorFlowEngine":
    """The engine on the devices of a strategy's name, see `make_strategy`."""
    _, addresses = cluster.place()
    if len(addresses) > 1 and strategy != "multi_worker":
        raise RunError(
            f"{len(addresses)} workers are named, so that `run.strategy` must be 'multi_worker'. "
            f"Received: {strategy!r}. Set it, or unset TF_CONFIG."
        )
    if len(addresses) > 1:
        _log.info("Waiting for all of %d workers: %s.", len(addresses), ", ".join(addresses))
    return TensorFlowEngine(make_strategy(strategy))


class TensorFlowEngine:
    """An `Engine`, whose protocol says what each method does.

    Args:
        strategy: the devices.
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        self.strategy = strategy
        self.workers = workers_of(strategy)
        self.replicas = strategy.num_replicas_in_sync
        self._is_tpu = isinstance(strategy, tf.distribute.TPUStrategy)
        self._has_gpus = bool(tf.config.list_logical_devices("GPU"))

    divides_state = False

    @property
    def is_accelerated(self) -> bool:
        return self._is_tpu or self._has_gpus

    def describe(self) -> str:
        names = ", ".join(device.name for device in tf.config.list_logical_devices())
        return f"{names}; {self.replicas} replica(s)"

    def precision(self, asked: str) -> str:
        return asked

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        try:
            with self.strategy.scope():
                yield
        finally:
            release_graphs()

    def build(self, task: Task, rows: Batch, *, check_loss: bool = True) -> None:
        rows = {name: tf.convert_to_tensor(value) for name, value in rows.items()}
        outputs = task.model(task.device_inputs(rows, training=False), training=False)
        if check_loss:
            task.loss(outputs, rows, lambda local: local)

    def place(self, task: Task, optimizer: Any, optimization: Optimization) -> State:
        loss = list(getattr(task.loss, "trainable_variables", ()))
        variables = [*task.model.trainable_variables, *loss]
        if optimizer is not None:
            optimizer.build(variables)
        average, is_float16 = optimization.average, keras.config.dtype_policy().compute_dtype == "float16"
        return State(
            model=task.model,
            optimizer=optimizer,
            loss=loss,
            average=None if average is None else AveragedWeights(average.decay, variables),
            loss_scale=LossScale() if is_float16 else None,
        )

    def make_step(
        self, task: Task, state: State, *, optimization: Optimization, execution: Execution, seed: int
    ) -> TrainStep:
        if execution.deterministic:
            tf.config.experimental.enable_op_determinism()
        # A TPU compiles what runs on it.
        compiles = not self._is_tpu and self._compiles(execution.jit_compile, task.model)
        towers = compiles and self.replicas > 1
        options = {
            "strategy": self.strategy,
            "model": task.model,
            "gradients": gradients_of(execution.gradients, task, compile_towers=towers),
            "update": Update(
                optimizer=state.optimizer,
                variables=state.variables,
                optimization=optimization,
                average=state.average,
            ),
            "seed": seed,
            "loss_scale": state.loss_scale,
        }
        if self._is_tpu:
            return FusedStep(**options)
        return TrainStep(**options, jit_compile=compiles and not towers, selects=self.is_accelerated)

    def _compiles(self, asked: bool | None, model: Any) -> bool:
        """Whether XLA is asked to compile; see `Execution.jit_compile`."""
        mixes = self.replicas > 1 and getattr(model, "mixes_rows", False)
        if asked and mixes:
            raise ValueError(
                "`Execution.jit_compile` compiles towers without collectives. Received: a model whose batch "
                f"normalisation is over all of {self.replicas} replicas. Set it to False, or freeze the "
                "statistics: `I3D.frozen = True`, `ResNet.frozen = True`."
            )
        return self._has_gpus and not mixes if asked is None else asked

    def telemetry(self, task: Task, rows: Batch, peak_flops: float | str | None) -> Telemetry:
        return Telemetry(task=task, rows=rows, replicas=self.replicas, peak_flops=peak_flops)

    def guard(self, fault: Callable[[], str | None] | None) -> Guard:
        return Guard(fault)

    def preemption(
        self, settings: Preemption | None, model_dir: Path, save: Callable[[int], None]
    ) -> AbstractContextManager[Notice]:
        return watching(settings, strategy=self.strategy, model_dir=model_dir, save=save)

    def profiled(self, run_steps: Callable[..., dict], directory: Path) -> Callable[..., dict]:
        tracer = tf.profiler.experimental
        return profiled(run_steps, directory, tracer.start, tracer.stop)
