"""Which devices a run uses, by name, and how a global batch is cut into one part per replica."""

import os
from collections.abc import Iterator

import tensorflow as tf

from vatt.engines.rows import check_rows, rows_of
from vatt.errors import RunError, closest, reason_of
from vatt.protocols import Batch


def _one_device():
    return tf.distribute.get_strategy()


def _mirrored():
    accelerators = [device.name for device in tf.config.list_logical_devices("GPU")]
    if accelerators:
        return tf.distribute.MirroredStrategy(accelerators)
    processors = [device.name for device in tf.config.list_logical_devices("CPU")]
    # The collectives of logical CPU devices are not complete; reducing on one of them is.
    return tf.distribute.MirroredStrategy(processors, tf.distribute.ReductionToOneDevice())


def _multi_worker():
    implementation = tf.distribute.experimental.CommunicationImplementation
    # Left to choose, TensorFlow may take its own ring over gRPC, with every gradient through the hosts.
    chosen = implementation.NCCL if tf.config.list_physical_devices("GPU") else implementation.AUTO
    options = tf.distribute.experimental.CommunicationOptions(implementation=chosen)
    return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)


def _tpu():
    name = os.environ.get("TPU_NAME", "local")
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, RuntimeError, tf.errors.OpError) as error:
        reason = reason_of(error).splitlines()[0]
        raise RunError(
            f"The strategy 'tpu' needs a TPU. Received: none at {name!r} ({reason}). "
            "Name it with --tpu, or choose another `run.strategy`."
        ) from error
    return tf.distribute.TPUStrategy(resolver)


STRATEGIES = {
    "one_device": _one_device,
    "mirrored": _mirrored,
    "multi_worker": _multi_worker,
    "tpu": _tpu,
}


def make_strategy(name: str) -> tf.distribute.Strategy:
    """The strategy called `name`.

    Args:
        name: "one_device" (the first GPU if there is one, else the CPU), "mirrored" (every GPU, or every
            logical CPU device, of this machine), "multi_worker" (the machines of TF_CONFIG) or "tpu".
    """
    if name not in STRATEGIES:
        near = closest(name, STRATEGIES)
        raise ValueError(f"`strategy` must be one of {', '.join(STRATEGIES)}. Received: {name!r}.{near}")
    return STRATEGIES[name]()


def feed(strategy: tf.distribute.Strategy, batches: tf.data.Dataset) -> Iterator:
    """Iterates over this worker's rows of endless global batches: each replica's rows are sent to its device
    ahead of the step that asks for them.
    """
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return iter(batches)
    local = len(strategy.extended.worker_devices)
    rows = rows_of(batches.element_spec)  # pyright: ignore
    check_rows(rows * replicas // local, {}, replicas=replicas)
    # Views of the batches. Replica r gets each part number r, r + local, …; were they known to end, workers
    # would ask one another before each step whether anybody has none.
    parts = batches.rebatch(rows // local, drop_remainder=True)
    parts = parts.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
    return iter(strategy.distribute_datasets_from_function(lambda _: parts))


def split_batch(strategy: tf.distribute.Strategy, batch: Batch) -> dict:
    """Cuts this worker's rows of the global batch into equal parts, in order, one for each of its replicas.

    Args:
        batch: feature name -> `[B / workers, ...]`; with one worker, the global batch. What `feed` gives
            is in parts already.

    Returns:
        The same names with one `[B / replicas, ...]` tensor per local replica.
    """
    replicas = strategy.num_replicas_in_sync
    if replicas == 1 or isinstance(next(iter(batch.values())), tf.distribute.DistributedValues):
        return batch
    local = len(strategy.extended.worker_devices)
    rows = rows_of(batch)
    check_rows(rows * replicas // local, {}, replicas=replicas)
    share = rows // local

    def part(name: str):
        def value(context):
            first = context.replica_id_in_sync_group % local * share
            return batch[name][first : first + share]

        return strategy.experimental_distribute_values_from_function(value)

    return {name: part(name) for name in batch}
