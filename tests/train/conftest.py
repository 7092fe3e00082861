"""Four logical CPU devices, so that the same process can train on one replica, on two and on four."""

import contextlib

import tensorflow as tf

processors = tf.config.list_physical_devices("CPU")
with contextlib.suppress(RuntimeError):  # already running: the tests that need two devices then skip
    tf.config.set_logical_device_configuration(processors[0], [tf.config.LogicalDeviceConfiguration()] * 4)
