"""The optimisation step: batch → embeddings → loss → gradients → update, one program on all devices.

The weights change only if the loss and every gradient are finite: a bad step leaves them untouched, bit for
bit, and so does every step after it, so that the host need not wait for the results of each.
"""

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from vatt import spec
from vatt.engines.jax.devices import Devices
from vatt.engines.jax.state import State
from vatt.engines.jax.update import Update
from vatt.engines.live_data import live_shares
from vatt.protocols import Batch

_INT32_RANGE = 2**31


class TrainStep:
    """Trains on the batches of an iterator, see `Step` in `vatt/engines/protocol.py`.

    Args:
        devices: of the state and the batches.
        state: what steps change.
        gradients: see `gradients_of`.
        update: what the gradients do to the weights.
        seed: keys the random draws.

    Attributes:
        held: the Keras variables whose values a step takes and gives, in order.
        compiled: (values, rows) -> (values, results), a function of `jax.jit`.
    """

    def __init__(self, *, devices: Devices, state: State, gradients: Callable, update: Update, seed: int):
        self._devices = devices
        self._state = state
        self._gradients_of = gradients
        self._update = update
        self._seed = seed % _INT32_RANGE
        self._stopped = keras.Variable(False, trainable=False, dtype="bool", name="stopped")
        self._stopped.assign(devices.place(False))
        self._scale = state.loss_scale
        self.held = [*state.held, self._stopped]
        places = [devices.of_weight(variable.shape) for variable in self.held]
        # What is replaced gives its memory to what replaces it.
        self.compiled = jax.jit(self._step, donate_argnums=0, out_shardings=(places, devices.everywhere))

    def feed(self, batches: Any) -> Iterator[Batch]:
        """See `vatt.engines.protocol.Step`."""
        return iter(batches)

    def run(self, iterator: Iterator[Batch], count: int) -> dict[str, Any]:
        """`count` steps without a host sync."""
        values, results, waited = self.values(), None, 0.0
        try:
            for _ in range(count):
                began = time.perf_counter()
                batch = self._next(iterator)
                waited += time.perf_counter() - began
                values, newer = self.compiled(values, self.rows(batch))
                results = newer if results is None else _first_bad(results, newer)
        finally:  # what was given to a step that began exists no longer
            for variable, value in zip(self.held, values, strict=True):
                variable.assign(value)
        return {**(results or {}), "data_wait_seconds": waited}

    @functools.cached_property
    def _next(self):
        """Compiled, so that a wait for a batch can be ended (`vatt/engines/guard.py`)."""
        import tensorflow as tf  # which a step of noise does without

        return tf.function(lambda iterator: iterator.get_next(), autograph=False)

    def clear_stop(self) -> None:
        """Lets steps change the weights again after a bad one."""
        self._stopped.assign(self._devices.place(False))

    def values(self) -> list[jax.Array]:
        """Of all that a step changes."""
        return [variable.value for variable in self.held]

    def rows(self, batch: Batch) -> dict[str, jax.Array]:
        """A batch on the devices, from this process's rows; example numbers are modulo 2^31, as in draws."""
        rows = {name: np.asarray(value) for name, value in batch.items()}
        rows[spec.EXAMPLE_INDEX] = (rows[spec.EXAMPLE_INDEX].astype(np.int64) % _INT32_RANGE).astype(np.int32)
        return self._devices.rows(rows)

    def _step(self, values, batch):
        with keras.StatelessScope(state_mapping=list(zip(self.held, values, strict=True))) as scope:
            good, results = self._train(batch)
        after = [scope.get_current_value(variable) for variable in self.held]
        always = {id(each) for each in (self._stopped, *(self._scale.variables if self._scale else ()))}
        return [
            new if id(variable) in always else jnp.where(good, new, old)
            for variable, new, old in zip(self.held, after, values, strict=True)
        ], results

    def _train(self, batch):
        """Whether the step was good, and its results; assigns the variables as if it were."""
        stopped, rate = self._stopped.value, self._update.learning_rate
        scale = self._scale.value.value if self._scale else jnp.float32(1)
        losses, gradients = self._gradients(batch, scale)
        squared_norms = jnp.stack([jnp.sum(jnp.square(each.astype(jnp.float32))) for each in gradients])
        norm = jnp.sqrt(jnp.sum(squared_norms))
        is_finite = jnp.isfinite(norm) & jnp.isfinite(losses["loss"])
        good = is_finite & ~stopped
        may_go_on = good
        if self._scale:
            overflow = jnp.isfinite(losses["loss"]) & ~jnp.isfinite(norm)
            may_go_on |= overflow & (scale > 1) & ~stopped
            self._scale.follow(good)
        self._update.apply(gradients, squared_norms)
        self._stopped.assign(~may_go_on)
        results = {
            **losses,
            "learning_rate": rate,
            "gradient_norm": norm,
            "finite": may_go_on,
            "steps": may_go_on.astype(jnp.int32),
            "squared_norms": squared_norms,
        }
        return good, results | ({"loss_scale": scale} if self._scale else {})

    def _gradients(self, batch, scale):
        index = batch[spec.EXAMPLE_INDEX]
        batch = {**batch, "draw_key": jnp.stack([jnp.full_like(index, self._seed), index], axis=1)}
        others = self._state.model.non_trainable_variables
        trained = [variable.value for variable in self._state.variables]
        losses, gradients, moved = self._gradients_of(
            trained, [variable.value for variable in others], batch, scale
        )
        for variable, value in zip(others, moved, strict=True):
            variable.assign(value)
        if self._scale:
            gradients = [each / scale.astype(each.dtype) for each in gradients]
        return {**losses, **live_shares(batch, 1)}, gradients


@jax.jit
def _first_bad(results, newer):
    """The results of the steps so far, which are those of the first that was not finite."""
    steps = results["steps"] + newer["steps"]
    kept = jax.tree.map(lambda new, old: jnp.where(results["finite"], new, old), newer, results)
    return {**kept, "steps": steps}
