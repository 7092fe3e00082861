"""The engine that runs a task by `tf.distribute`: one device, Mirrored, MultiWorker, TPU."""

from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

from vatt.engines.execution import Execution, Preemption
from vatt.engines.optimization import Optimization
from vatt.engines.protocol import Task
from vatt.engines.tensorflow.average import AveragedWeights
from vatt.engines.tensorflow.gradients import gradients_of
from vatt.engines.tensorflow.guard import Guard
from vatt.engines.tensorflow.loss_scale import LossScale
from vatt.engines.tensorflow.preemption import watching
from vatt.engines.tensorflow.profile import profiled
from vatt.engines.tensorflow.state import State
from vatt.engines.tensorflow.step import TrainStep
from vatt.engines.tensorflow.strategy import make_strategy
from vatt.engines.tensorflow.telemetry import Telemetry
from vatt.engines.tensorflow.update import Update
from vatt.engines.tensorflow.workers import Workers
from vatt.protocols import Batch

# Rows of the batch that the variables are made from: as few as possible, two so that no statistic is
# degenerate.
_BUILD_ROWS = 2


class TensorFlowEngine:
    """An `Engine`.

    Args:
        strategy: the devices.
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        self.strategy = strategy
        self.workers = Workers(strategy)
        self.replicas = strategy.num_replicas_in_sync

    @classmethod
    def of(cls, strategy: str) -> "TensorFlowEngine":
        """The engine on the devices of a strategy's name, see `make_strategy`."""
        return cls(make_strategy(strategy))

    def scope(self):
        """Within the block objects are built that hold variables."""
        return self.strategy.scope()

    def describe(self) -> str:
        """The devices, in words."""
        names = ", ".join(device.name for device in tf.config.list_logical_devices())
        return f"{names}; {self.replicas} replica(s)"

    def build(self, task: Task, batches: tf.data.Dataset, *, check_loss: bool = True) -> Batch:
        """Makes the model's variables, from an empty batch of a few rows and outside any compiled function.

        Args:
            task: what will be trained.
            batches: whose features the rows have.
            check_loss: give the loss what the model made of the rows, so that it says now what it lacks.

        Returns:
            The rows, feature name -> `[2, …]`.
        """
        kinds = batches.element_spec
        rows = {name: tf.zeros((_BUILD_ROWS, *kind.shape[1:]), kind.dtype) for name, kind in kinds.items()}
        outputs = task.model(task.device_inputs(rows, training=False), training=False)
        if check_loss:
            task.loss(outputs, rows, lambda local: local)
        return rows

    def place(self, task: Task, optimizer, optimization: Optimization) -> State:
        """The state of a built task, at its beginning.

        Args:
            task: what is trained.
            optimizer: a Keras optimizer; None where nothing will be trained.
            optimization: whether there is an average.
        """
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
        """The compiled step that changes `state`."""
        return TrainStep(
            strategy=self.strategy,
            model=task.model,
            gradients=gradients_of(execution.gradients, task),
            update=Update(
                optimizer=state.optimizer,
                variables=state.variables,
                optimization=optimization,
                average=state.average,
            ),
            seed=seed,
            loss_scale=state.loss_scale,
            jit_compile=execution.jit_compile,
        )

    def telemetry(self, task: Task, rows: Batch, peak_flops: float | str | None) -> Telemetry:
        """Speed and memory of a built task, see `Telemetry`."""
        return Telemetry(task=task, rows=rows, replicas=self.replicas, peak_flops=peak_flops)

    def guard(self, fault: Callable[[], str | None] | None) -> Guard:
        """A context manager that ends calls which wait for what will not come."""
        return Guard(fault)

    def preemption(self, settings: Preemption | None, model_dir: Path, save: Callable[[int], None]):
        """Within the block the notice of a platform is handled, see `watching`."""
        return watching(settings, strategy=self.strategy, model_dir=model_dir, save=save)

    def profiled(self, run_steps: Callable[..., dict], directory: Path) -> Callable[..., dict]:
        """`run_steps` with a trace of a few calls."""
        return profiled(run_steps, directory)
