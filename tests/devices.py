"""Strategies over the logical CPU devices that tests/conftest.py makes."""

import tensorflow as tf


def mirrored(replicas: int) -> tf.distribute.MirroredStrategy:
    """A strategy on the first `replicas` logical CPU devices, whose collectives reduce on one of them."""
    devices = [device.name for device in tf.config.list_logical_devices("CPU")]
    assert len(devices) >= replicas, f"{replicas} CPU devices are needed. Received: {devices}."
    return tf.distribute.MirroredStrategy(devices[:replicas], tf.distribute.ReductionToOneDevice())
