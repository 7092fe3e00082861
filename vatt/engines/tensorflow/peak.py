"""What a device can do, measured: operations per second of large matrix products, against which a run's own
are put.
"""

import time

import tensorflow as tf

_SIZES = {"GPU": 8192, "CPU": 2048}  # of square matrices, large enough that nothing but products counts
_PRODUCTS = 4  # in one call
_CALLS = 4  # the first one compiles; the fastest of the others counts


def measured_peak(dtype: str) -> float:
    """Operations per second of one device of this process.

    Args:
        dtype: of the factors, such as "bfloat16".
    """
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    size = _SIZES[kind]
    factor = tf.cast(tf.random.stateless_uniform((size, size), (0, 1)), dtype)

    @tf.function(autograph=False)
    def multiply(left):
        for _ in range(_PRODUCTS):
            left = tf.matmul(left, factor) * tf.cast(2 / size, dtype)
        return tf.reduce_sum(tf.cast(left, tf.float32))

    seconds = []
    for _ in range(_CALLS):
        began = time.perf_counter()
        multiply(factor).numpy()  # waits until the device has done it
        seconds.append(time.perf_counter() - began)
    operations = 2 * size**3 * _PRODUCTS
    # Logical CPU devices share the cores.
    sharing = len(tf.config.list_logical_devices("CPU")) if kind == "CPU" else 1
    return operations / min(seconds[1:]) / sharing
