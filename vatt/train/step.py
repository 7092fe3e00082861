"""One optimisation step, compiled: batch → embeddings → loss → gradients → update, the same on any number of
replicas.

Gradients are summed over replicas first and clipped after, and the weights change only if the loss and every
gradient are finite: a bad step leaves them untouched, bit for bit, so that the last weights can always be
    saved.
"""

import tensorflow as tf

from vatt import spec
from vatt.train.gather import all_gather

_INT32_RANGE = 2**31


def draw_keys(seed: int, example_index: tf.Tensor) -> tf.Tensor:
    """int32 `[B, 2]` = (seed, example index), the key of every random draw of the step; both modulo 2^31."""
    index = tf.cast(example_index % _INT32_RANGE, tf.int32)
    return tf.stack([tf.fill(tf.shape(index), tf.constant(seed % _INT32_RANGE, tf.int32)), index], axis=1)


class TrainStep:
    """Calls as `step(batch) -> results` on a batch that `split_batch` has cut.

    Args:
        strategy: the devices.
        model, loss, device_inputs: as in `vatt/protocols.py`; the model's variables exist already.
        optimizer: a Keras optimizer, built for the model's trainable variables.
        seed: keys the random draws.
        clip_global_norm: upper bound of the norm of all gradients together; None for no bound.

    Results: scalar tensors "loss" and its parts (global values), "learning_rate" (of this step),
    "gradient_norm" (before clipping) and "finite" (bool: the weights were updated), and "squared_norms"
    `[V]`, one per trainable variable.
    """

    def __init__(self, *, strategy, model, loss, device_inputs, optimizer, seed, clip_global_norm=None):
        self._strategy = strategy
        self._model = model
        self._loss = loss
        self._device_inputs = device_inputs
        self._optimizer = optimizer
        self._seed = seed
        self._clip_global_norm = clip_global_norm
        self._compiled = tf.function(self._step, reduce_retracing=False)

    def __call__(self, batch) -> dict[str, tf.Tensor]:
        return self._compiled(batch)

    def _step(self, batch):
        learning_rate = tf.convert_to_tensor(self._optimizer.learning_rate)
        states = self._strategy.run(self._read_states)
        losses, gradients = self._strategy.run(self._gradients, args=(batch,))
        losses = {
            name: self._strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None)
            for name, value in losses.items()
        }
        # All replicas hold the same sums by now; the first one's decide.
        first = [self._strategy.experimental_local_results(gradient)[0] for gradient in gradients]
        squared_norms = tf.stack([tf.reduce_sum(tf.square(tf.cast(each, tf.float32))) for each in first])
        norm = tf.sqrt(tf.reduce_sum(squared_norms))
        finite = tf.math.is_finite(norm) & tf.math.is_finite(losses["loss"])
        scale = tf.constant(1.0)
        if self._clip_global_norm is not None:
            scale = self._clip_global_norm / tf.maximum(norm, self._clip_global_norm)

        def update():
            self._strategy.run(self._apply, args=(gradients, scale))
            return True

        def put_back():
            self._strategy.run(self._put_back, args=(states,))
            return False

        # The condition stands outside `run`: an optimizer may not switch to cross-replica context inside a
        # branch.
        tf.cond(finite, update, put_back)
        return {
            **losses,
            "learning_rate": learning_rate,
            "gradient_norm": norm,
            "finite": finite,
            "squared_norms": squared_norms,
        }

    def _gradients(self, batch):
        """On one replica: this replica's share of every loss, and the gradients summed over all replicas."""
        batch = dict(batch, draw_key=draw_keys(self._seed, batch[spec.EXAMPLE_INDEX]))
        variables = [variable.value for variable in self._model.trainable_variables]
        with tf.GradientTape() as tape:
            inputs = self._device_inputs(batch, training=True)
            outputs = self._model(inputs, training=True)
            losses = self._loss(outputs, batch, all_gather)
        losses = {name: tf.cast(value, tf.float32) for name, value in losses.items()}
        gradients = tape.gradient(
            losses["loss"], variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]  # the word table's come sparse
        context = tf.distribute.get_replica_context()
        if context.num_replicas_in_sync > 1:
            gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        return losses, gradients

    def _read_states(self):
        """What the forward pass itself changes: the moving statistics of batch normalisation."""
        return [tf.identity(variable.value) for variable in self._model.non_trainable_variables]

    def _put_back(self, states):
        for variable, state in zip(self._model.non_trainable_variables, states, strict=True):
            variable.value.assign(state)

    def _apply(self, gradients, scale):
        # Keras sums over replicas once more when it applies; each replica hands in its part of the sum.
        share = scale / self._strategy.num_replicas_in_sync
        if self._clip_global_norm is not None or self._strategy.num_replicas_in_sync > 1:
            gradients = [gradient * tf.cast(share, gradient.dtype) for gradient in gradients]
        self._optimizer.apply(gradients, self._model.trainable_variables)
