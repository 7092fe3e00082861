"""Strategies over the logical CPU devices that tests/conftest.py makes."""

import types

import numpy as np
import tensorflow as tf
from tensorflow.python.distribute import tpu_strategy
from tensorflow.python.tpu import tpu_system_metadata


def mirrored(replicas: int) -> tf.distribute.MirroredStrategy:
    """A strategy on the first `replicas` logical CPU devices, whose collectives reduce on one of them."""
    devices = [device.name for device in tf.config.list_logical_devices("CPU")]
    assert len(devices) >= replicas, f"{replicas} CPU devices are needed. Received: {devices}."
    return tf.distribute.MirroredStrategy(devices[:replicas], tf.distribute.ReductionToOneDevice())


def tpu_of_cpus(replicas: int) -> tf.distribute.TPUStrategy:
    """A TPU strategy on the first `replicas` logical CPU devices: graphs can be made with it, none runs."""

    class Resolver:
        def get_tpu_system_metadata(self):
            names = [f"/job:localhost/replica:0/task:0/device:TPU:{number}" for number in range(replicas)]
            return tpu_system_metadata.TPUSystemMetadata(
                num_cores=replicas,
                num_hosts=1,
                num_of_cores_per_host=replicas,
                topology=None,
                devices=[types.SimpleNamespace(name=name, device_type="TPU") for name in names],
            )

        def cluster_spec(self):
            return None

    strategy = tpu_strategy.TPUStrategyV2(Resolver())
    host = "/job:localhost/replica:0/task:0/device:CPU"
    devices = [[f"{host}:{number}"] for number in range(replicas)]
    strategy.extended._tpu_devices = np.array(devices, dtype=object)
    strategy.extended._host_device = f"{host}:0"
    return strategy
