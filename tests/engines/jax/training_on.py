"""Trains a few steps on an engine of either framework, from the same weights: what tests of the JAX engine
compare. Keras computes with one framework in a process, so the checks of JAX are a process of their own.
"""

import numpy as np

from tests.engines.training import SEED, clip_batch, clip_model, dataset_of
from vatt.engines.execution import Execution
from vatt.engines.optimization import Optimization
from vatt.engines.protocol import Task
from vatt.optimizers.factories import adam


class Run:
    """A task on an engine, at the beginning of a run.

    Args:
        engine: see `vatt/engines/protocol.py`.
        make: () -> model, loss, device inputs.
        batch_of: number -> this worker's rows of a batch.
        optimizer: a Keras optimizer.
        execution: see `Execution`.
        options: of `Optimization`.
    """

    def __init__(
        self, engine, *, make=clip_model, batch_of=clip_batch, optimizer=None, execution=None, **options
    ):
        self.engine, self.batch_of = engine, batch_of
        with engine.scope():
            model, loss, inputs = make()
            task = Task(model=model, loss=loss, device_inputs=inputs)
            engine.build(task, {name: np.asarray(value) for name, value in batch_of(0).items()})
            fill(model)
            optimization = Optimization(**options)
            self.state = engine.place(task, optimizer or adam(learning_rate=1e-3), optimization)
            self.step = engine.make_step(
                task, self.state, optimization=optimization, execution=execution or Execution(), seed=SEED
            )

    def steps(self, first, count, at_once=1):
        """The results of each call of `at_once` steps."""
        batches = iter(dataset_of([self.batch_of(number) for number in range(first, first + count)]))
        results = [self.step.run(batches, at_once) for _ in range(0, count, at_once)]
        return [{name: np.asarray(value) for name, value in each.items()} for each in results]

    def weights(self):
        """Path -> value."""
        return {each.path: np.asarray(each.value) for each in self.state.model.variables}


def fill(model):
    """Gives a model weights that are the same on every framework."""
    draw = np.random.default_rng(5)
    for variable in sorted(model.variables, key=lambda each: each.path):
        value = 0.1 * draw.normal(size=variable.shape)
        around_one = variable.path.endswith(("gamma", "scale", "moving_variance"))
        variable.assign(np.abs(1 + value) if around_one else value)


def numbers(results, names=("loss", "gradient_norm", "learning_rate")):
    """Some of the results, a list for each."""
    return {name: [float(each[name]) for each in results] for name in names}
