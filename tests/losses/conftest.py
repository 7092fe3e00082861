"""Four logical CPU devices, as in tests/train: one process scores on one, two and four replicas."""

import contextlib

import tensorflow as tf

processors = tf.config.list_physical_devices("CPU")
with contextlib.suppress(RuntimeError):  # already running: the tests that need more devices then skip
    tf.config.set_logical_device_configuration(processors[0], [tf.config.LogicalDeviceConfiguration()] * 4)
