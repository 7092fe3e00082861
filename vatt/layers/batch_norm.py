"""Batch normalisation over the global batch, leaving out rows that do not exist."""

import keras
from keras import ops

from vatt.layers.configured import Configured


@keras.saving.register_keras_serializable("vatt")
class GlobalBatchNorm(Configured, keras.layers.Layer):
    """(x − mean) / √(variance + ε) · gain + offset, with statistics of all replicas' existing rows.

    A missing caption or audio track is a row of zeros somewhere upstream; counting it would make the
    statistics of the others depend on how many are missing.

    Args:
        width: features.
        momentum: share of the old value that a moving statistic keeps per step.
        epsilon: added to the variance.

    Input: [B, width]; `rows` number [B], 0 for rows to leave out of the statistics, or None.
    Output: [B, width].
    The variance is biased, in the batch and in its moving average, as in the original release.
    """

    def __init__(self, *, width, momentum=0.9, epsilon=1e-5, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.width = width
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, input_shape=None):
        shape = (self.width,)
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer="ones")
        self.beta = self.add_weight(name="beta", shape=shape, initializer="zeros")
        self.moving_mean = self.add_weight(
            name="moving_mean", shape=shape, initializer="zeros", trainable=False, autocast=False
        )
        self.moving_variance = self.add_weight(
            name="moving_variance", shape=shape, initializer="ones", trainable=False, autocast=False
        )

    def call(self, inputs, rows=None, training=False):
        # Statistics in float32 whatever the policy: squares of bfloat16 cancel badly.
        x = ops.cast(inputs, "float32")
        if training:
            mean, variance, count = self._moments(x, rows)
            # Nothing to learn from a batch without a single row.
            keep = ops.where(count > 0, self.momentum, 1.0)
            self.moving_mean.assign(self.moving_mean * keep + mean * (1 - keep))
            self.moving_variance.assign(self.moving_variance * keep + variance * (1 - keep))
        else:
            mean = ops.convert_to_tensor(self.moving_mean)
            variance = ops.convert_to_tensor(self.moving_variance)
        scale = ops.rsqrt(variance + self.epsilon) * ops.cast(self.gamma, "float32")
        return ops.cast((x - mean) * scale + ops.cast(self.beta, "float32"), self.compute_dtype)

    def _moments(self, x, rows):
        """Global mean and biased variance over existing rows, and the share of rows that exist."""
        rows = ops.ones_like(x[:, :1]) if rows is None else ops.cast(rows, "float32")[:, None]
        # One use of x here and one in `call`: three gradients would not always be added alike (`lean`).
        existing = x * rows
        stacked = ops.concatenate([existing, ops.square(existing), rows], axis=-1)
        # Replicas hold equally many rows: the mean of the whole is what `synchronized` gives. Other backends
        # refuse it; JAX needs none, where a sharded batch is one array.
        synchronized = keras.backend.backend() == "tensorflow"
        averages, _ = ops.moments(stacked, axes=[0], synchronized=synchronized)
        count = averages[-1]
        mean, square = ops.split(averages[:-1] / ops.maximum(count, 1e-12), 2)
        return mean, ops.maximum(square - ops.square(mean), 0.0), count
