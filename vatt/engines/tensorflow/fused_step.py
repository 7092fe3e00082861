"""The step of a TPU: one program on every replica, from the batch to the new weights, and a loop over it in
which the host gives batches and asks for nothing.

On GPUs and CPUs `TrainStep` runs several programs a step, since `MirroredStrategy` can not update variables
inside a branch. A TPU can, and pays for every tensor that leaves a program: the gradients of all weights
would go through the host's graph twice a step.
"""

from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from vatt.engines.tensorflow.step import TrainStep, either

_STATIC = tf.distribute.RunOptions(experimental_enable_dynamic_batch_size=False)
_MOST_SCALARS = 32  # of the results; variables must have a size before anything is traced


class FusedStep(TrainStep):
    """A `TrainStep` of a `TPUStrategy`.

    Args:
        options: as of `TrainStep`, without `jit_compile`.
    """

    def __init__(self, **options: Any):
        super().__init__(**options)

        def kept(value, name):
            aggregation = tf.VariableAggregation.ONLY_FIRST_REPLICA
            return tf.Variable(value, trainable=False, name=name, aggregation=aggregation)

        # Results of the newest step of a loop or, where one was bad, of that one: on the device.
        self._names: list[str] = []
        self._scalars = kept(tf.zeros([_MOST_SCALARS]), "kept_scalars")
        self._squared_norms = kept(tf.zeros([len(self._update.variables)]), "kept_squared_norms")
        self._was_good = kept(tf.constant(True), "was_good")
        self._good_steps = kept(tf.constant(0), "good_steps")

    def run(self, iterator: Iterator, count: int) -> dict[str, tf.Tensor]:
        """As of `TrainStep`; one step is a loop too, which here holds the step once."""
        return self._loop_compiled(iterator, tf.constant(count, tf.int32))

    def _step(self, batch):
        results = self._strategy.run(self._on_replica, args=(batch,), options=_STATIC)
        return {name: self._strategy.experimental_local_results(value)[0] for name, value in results.items()}

    def _on_replica(self, batch):
        loss_scale, states = self._scale(), self._read_states()
        losses, gradients = self._gradients(batch, loss_scale)
        context = tf.distribute.get_replica_context()
        return self._concluded(
            context.all_reduce(tf.distribute.ReduceOp.SUM, losses),
            gradients,
            loss_scale,
            change=lambda good, scales: either(
                good, lambda: self._update.apply(gradients, scales), lambda: self._put_back(states)
            ),
        )

    def _loop(self, iterator, count):
        self._was_good.assign(True)
        self._good_steps.assign(0)

        def continued(number, waited):
            batch, more = self._next_batch(iterator)
            self._strategy.run(self._kept_on_replica, args=(batch,), options=_STATIC)
            return number + 1, waited + more

        _, waited = tf.while_loop(
            lambda number, _: number < count,
            continued,
            (tf.constant(0), tf.constant(0.0, tf.float64)),
            parallel_iterations=1,  # batches come in order
        )
        scalars = dict(zip(self._names, tf.unstack(self._scalars.read_value()[: len(self._names)])))
        return {
            **scalars,
            "finite": self._was_good.read_value(),
            "squared_norms": self._squared_norms.read_value(),
            "steps": self._good_steps.read_value(),
            "data_wait_seconds": waited,
        }

    def _kept_on_replica(self, batch):
        """A step whose results stay on the device, unless a step before it in the loop was bad."""
        results = self._on_replica(batch)
        self._names = sorted(results.keys() - {"finite", "squared_norms"})
        if len(self._names) > _MOST_SCALARS:
            raise ValueError(
                f"A loss may have {_MOST_SCALARS} results at most. Received: {', '.join(self._names)}."
            )
        scalars = tf.stack([tf.cast(results[name], tf.float32) for name in self._names])
        scalars = tf.pad(scalars, [[0, _MOST_SCALARS - len(self._names)]])
        was_good = self._was_good.read_value()
        self._scalars.assign(tf.where(was_good, scalars, self._scalars))
        self._squared_norms.assign(tf.where(was_good, results["squared_norms"], self._squared_norms))
        self._good_steps.assign_add(tf.cast(was_good & results["finite"], tf.int32))
        self._was_good.assign(was_good & results["finite"])
