"""The optimisation step, compiled, and the loop over a few of them: batch → embeddings → loss → gradients →
update, the same on any number of replicas.

Gradients are summed over replicas first and clipped after. The weights change only if the loss and every
gradient are finite: a bad step leaves them untouched, bit for bit, and so does every step after it, so that
the host need not wait for the results of each.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from vatt import spec
from vatt.engines.live_data import live_shares
from vatt.engines.tensorflow.loss_scale import LossScale
from vatt.engines.tensorflow.strategy import feed, split_batch
from vatt.engines.tensorflow.update import Update
from vatt.protocols import Batch

_INT32_RANGE = 2**31


def draw_keys(seed: int, example_index: tf.Tensor) -> tf.Tensor:
    """int32 `[B, 2]` = (seed, example index), the key of every random draw of the step; both modulo 2^31."""
    index = tf.cast(tf.math.floormod(example_index, _INT32_RANGE), tf.int32)
    return tf.stack([tf.fill(tf.shape(index), tf.constant(seed % _INT32_RANGE, tf.int32)), index], axis=1)


def either(good: tf.Tensor, update: Callable, put_back: Callable) -> None:
    """A branch in which the one or the other is called, neither of which gives anything."""

    def done(function):
        function()
        return True

    tf.cond(good, lambda: done(update), lambda: done(put_back))


class TrainStep:
    """Trains on the batches of an iterator, `run(iterator, count)` steps in one call, or on one batch,
    `step(batch)`.

    Args:
        strategy: the devices.
        model: its variables exist already.
        gradients: see `gradients_of`.
        update: what the summed gradients do to the weights.
        seed: keys the random draws.
        loss_scale: for float16; None disables scaling.
        jit_compile: let XLA compile the step, which must be on one device.
        selects: always update, and choose on the device between what that gives and what was there, without
            a branch, for which a GPU's host would wait. Costs a copy of what the update changes.

    Results, scalar tensors but for the last: "loss" and its parts (global values), the shares of live data
    (`live_data.py`), "learning_rate" (of this step), "gradient_norm" (before clipping), "finite" (bool: this
    step and all before it were), "loss_scale" if there is one, and "squared_norms" `[V]`, one per trainable
    variable. They are those of the last step or, where one was not finite, of that one.
    """

    def __init__(
        self,
        *,
        strategy: tf.distribute.Strategy,
        model: Any,
        gradients: Callable,
        update: Update,
        seed: int,
        loss_scale: LossScale | None = None,
        jit_compile: bool = False,
        selects: bool = False,
    ):
        self._strategy = strategy
        self._model = model
        self._gradients_of = gradients
        self._update = update
        self._seed = seed
        self._loss_scale = loss_scale
        self._selects = selects
        self._stopped = tf.Variable(
            tf.constant(False),
            trainable=False,
            name="stopped",
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        self._step_compiled = tf.function(self._step, autograph=False, jit_compile=jit_compile or None)
        self._loop_compiled = tf.function(self._loop, autograph=False)
        self._one_compiled = tf.function(self._one, autograph=False)

    def __call__(self, batch: Batch) -> dict[str, tf.Tensor]:
        """One step.

        Args:
            batch: the global batch, feature name -> `[B, ...]`.
        """
        return self._step_compiled(split_batch(self._strategy, batch))

    def concrete_step(self, batch: Batch) -> Any:
        """The compiled function of one step for batches such as this one, to look into."""
        return self._step_compiled.get_concrete_function(split_batch(self._strategy, batch))

    def feed(self, batches: tf.data.Dataset) -> Iterator:
        """See `vatt.engines.protocol.Step`."""
        return feed(self._strategy, batches)

    def run(self, iterator: Iterator, count: int) -> dict[str, tf.Tensor]:
        """`count` steps without a host sync.

        Args:
            iterator: of `feed`, or of a `tf.data.Dataset` of global batches.

        Returns:
            The results, with "steps" (int32: good steps of these) and "data_wait_seconds" (float64: sum over
            them).
        """
        if count == 1:  # a loop holds the step twice, which takes longer to compile
            return self._one_compiled(iterator)
        return self._loop_compiled(iterator, tf.constant(count, tf.int32))

    def clear_stop(self) -> None:
        """Lets steps change the weights again after a bad one."""
        self._stopped.assign(False)

    def _next_batch(self, iterator):
        """The next batch, one part per replica, and the seconds that it was waited for."""
        asked = tf.timestamp()
        with tf.control_dependencies([asked]):
            batch = iterator.get_next()
        parts = [self._strategy.experimental_local_results(value) for value in batch.values()]
        with tf.control_dependencies(list(itertools.chain(*parts))):
            waited = tf.timestamp() - asked
        with tf.control_dependencies([waited]):  # else the clock may be read when the step is half done
            return split_batch(self._strategy, batch), waited

    def _next(self, iterator):
        """Results of a step on the next batch, and the seconds that the batch was waited for."""
        batch, waited = self._next_batch(iterator)
        with tf.control_dependencies([waited]):
            return self._step_compiled(batch), waited

    def _one(self, iterator):
        results, waited = self._next(iterator)
        return {**results, "steps": tf.cast(results["finite"], tf.int32), "data_wait_seconds": waited}

    def _loop(self, iterator, count):
        def continued(number, done, waited, results):
            newer, more = self._next(iterator)
            was_good = results["finite"]
            results = tf.nest.map_structure(lambda new, old: tf.where(was_good, new, old), newer, results)
            done += tf.cast(results["finite"], tf.int32)
            return number + 1, done, waited + more, results

        results, waited = self._next(iterator)
        done = tf.cast(results["finite"], tf.int32)
        _, done, waited, results = tf.while_loop(
            lambda number, *_: number < count,
            continued,
            (tf.constant(1), done, waited, results),
            parallel_iterations=1,  # the wait of a step begins when the step before is over
        )
        return {**results, "steps": done, "data_wait_seconds": waited}

    def _step(self, batch):
        loss_scale = self._scale()
        states = self._strategy.run(self._read_states)
        losses, gradients = self._strategy.run(self._gradients, args=(batch, loss_scale))
        losses = {
            name: self._strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None)
            for name, value in losses.items()
        }
        # All replicas hold the same sums by now; the first one's decide.
        first = [self._strategy.experimental_local_results(gradient)[0] for gradient in gradients]

        def change(good, scales):
            def update():
                self._strategy.run(self._update.apply, args=(gradients, scales))

            if self._selects:
                return self._select(good, update, states)
            # The condition stands outside `run`: an optimizer may not switch to cross-replica context inside
            # a branch.
            return either(good, update, lambda: self._strategy.run(self._put_back, args=(states,)))

        return self._concluded(losses, first, loss_scale, change=change)

    def _select(self, good, update, states):
        """Updates, and puts back on the device what a bad step has changed."""
        variables = [*self._update.changed, *(each.value for each in self._model.non_trainable_variables)]
        held = self._strategy.run(lambda: [tf.identity(each) for each in self._update.changed])
        update()
        for variable, old in zip(variables, [*held, *states], strict=True):
            self._strategy.extended.update(
                variable,
                lambda new, old, good: new.assign(tf.where(good, new, old)),
                args=(old, good),
                group=False,
            )

    def _scale(self):
        return self._loss_scale.value.read_value() if self._loss_scale else tf.constant(1.0)

    def _concluded(self, losses, gradients, loss_scale, *, change):
        """The results of a step, once it has changed the weights or put back what it had changed.

        Args:
            losses, gradients: summed over replicas.
            loss_scale: by which the loss was multiplied.
            change: called with whether the step was good, and with what to multiply each bounded set of
                gradients with.
        """
        learning_rate = self._update.learning_rate
        squared_norms = tf.stack([tf.reduce_sum(tf.square(tf.cast(each, tf.float32))) for each in gradients])
        norm = tf.sqrt(tf.reduce_sum(squared_norms))
        finite = tf.math.is_finite(norm) & tf.math.is_finite(losses["loss"])
        good = finite & tf.logical_not(self._stopped)
        may_go_on = good
        if self._loss_scale:
            overflow = tf.math.is_finite(losses["loss"]) & ~tf.math.is_finite(norm)
            may_go_on |= overflow & self._loss_scale.can_shrink() & tf.logical_not(self._stopped)
        scales = self._update.clip_scales(squared_norms)

        change(good, scales)
        self._stopped.assign(tf.logical_not(may_go_on))
        results = {
            **losses,
            "learning_rate": learning_rate,
            "gradient_norm": norm,
            "finite": may_go_on,
            "squared_norms": squared_norms,
        }
        if self._loss_scale:
            self._loss_scale.follow(good)
            results["loss_scale"] = loss_scale
        return results

    def _gradients(self, batch, loss_scale):
        """On one replica: this replica's share of every loss, and the gradients summed over all replicas."""
        batch = dict(batch, draw_key=draw_keys(self._seed, batch[spec.EXAMPLE_INDEX]))
        variables = [variable.value for variable in self._update.variables]
        losses, gradients = self._gradients_of(batch, variables, loss_scale)
        context = tf.distribute.get_replica_context()
        losses = {**losses, **live_shares(batch, context.num_replicas_in_sync)}
        if context.num_replicas_in_sync > 1:
            gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        if self._loss_scale:
            gradients = [gradient / tf.cast(loss_scale, gradient.dtype) for gradient in gradients]
        return losses, gradients

    def _read_states(self):
        """What the forward pass itself changes: the moving statistics of batch normalisation."""
        return [tf.identity(variable.value) for variable in self._model.non_trainable_variables]

    def _put_back(self, states):
        for variable, state in zip(self._model.non_trainable_variables, states, strict=True):
            variable.value.assign(state)
