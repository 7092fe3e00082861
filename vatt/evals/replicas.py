"""A function of a batch's rows, compiled, on every device that holds the weights: each computes its part.

The devices are those on which the engine put the model, of this process. Rows are filled up with the first
one to equal parts, and what is made of these is cut off again, so that batches of one size make one graph.
"""

import functools
from collections.abc import Callable

import keras
import numpy as np

from vatt.evals.inference import EITHER, modality_of
from vatt.protocols import Batch, Model


def on_replicas(function: Callable[[Batch], Batch], model: Model) -> Callable[[Batch], Batch]:
    """`function` compiled, on all devices; on PyTorch as it is.

    Args:
        function: inputs to outputs by name, each `[rows, ...]`. Rows do not see each other; an output has
            the rows of the input that its name begins with ("video/pooled"), else those of any.
        model: whose weights `function` reads.
    """
    backend = keras.config.backend()
    if backend == "jax":
        return _by_jax(function, getattr(model, "variables", ()))
    if backend != "tensorflow":
        return function
    import tensorflow as tf

    if not tf.distribute.has_strategy():
        return tf.function(function, autograph=False)
    return _by_strategy(function, tf.distribute.get_strategy())


def _by_strategy(function, strategy):
    import tensorflow as tf

    @functools.partial(tf.function, autograph=False)
    def compiled(inputs):
        return strategy.run(function, (inputs,))

    count = len(strategy.extended.worker_devices)

    def parts_of(values):
        values = _filled(values, count)
        rows = len(values) // count

        def part(context):
            first = context.replica_id_in_sync_group % count * rows
            return tf.convert_to_tensor(values[first : first + rows])

        return strategy.experimental_distribute_values_from_function(part)

    def call(inputs: Batch) -> Batch:
        made = compiled({name: parts_of(values) for name, values in inputs.items()})
        outputs = {name: strategy.experimental_local_results(parts) for name, parts in made.items()}
        return _cut({name: np.concatenate(parts) for name, parts in outputs.items()}, inputs)

    return call


def _by_jax(function, variables):
    import jax
    from jax.sharding import NamedSharding, PartitionSpec

    @functools.partial(jax.jit, static_argnums=0)
    def compiled(mesh, values, inputs):
        if mesh:  # weights may lie in parts
            values = jax.lax.with_sharding_constraint(values, NamedSharding(mesh, PartitionSpec()))
        with keras.StatelessScope(state_mapping=list(zip(variables, values))):
            return function(inputs)

    def call(inputs: Batch) -> Batch:
        values = [variable.value for variable in variables]
        mesh = getattr(values[0].sharding, "mesh", None) if values else None
        filled = {name: _filled(given, mesh.size if mesh else 1) for name, given in inputs.items()}
        if mesh:
            filled = jax.device_put(filled, NamedSharding(mesh, PartitionSpec(mesh.axis_names)))
        return _cut(compiled(mesh, values, filled), inputs)

    return call


def _filled(values, parts: int) -> np.ndarray:
    values = np.asarray(values)
    missing = -len(values) % parts
    return np.concatenate([values, np.repeat(values[:1], missing, axis=0)]) if missing else values


def _cut(outputs: Batch, inputs: Batch) -> Batch:
    rows = {name: len(values) for name, values in inputs.items()}
    rows[EITHER] = next(iter(rows.values()))
    return {name: values[: rows[modality_of(name, inputs)]] for name, values in outputs.items()}
