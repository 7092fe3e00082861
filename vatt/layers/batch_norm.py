"""Batch normalisation over the global batch, leaving out rows that do not exist."""

from typing import Any

import keras
from keras import ops

from vatt.layers.configured import Configured
from vatt.layers.lean import arrival, own_gradients


@keras.saving.register_keras_serializable("vatt")
class GlobalBatchNorm(Configured, keras.layers.Layer):
    """(x − mean) / √(variance + ε) · gain + offset, with statistics of all replicas' existing rows.

    A missing caption or audio track is a row of zeros somewhere upstream; counting it would make the
    statistics of the others depend on how many are missing.

    Args:
        width: features.
        momentum: share of the old value that a moving statistic keeps per step.
        epsilon: added to the variance.
        gain: initial gain; 0 where a branch of a residual network begins as nothing.
        frozen: whether training too uses the moving statistics, and leaves them as they are; rows are then
            independent of each other.

    Input: [B, …, width]; `rows` number [B], 0 for rows to leave out of the statistics, or None.
    Output: as the input.
    A feature's statistics are over rows and all positions of a row, in float32, the variance as
    E[x²] − E[x]²; it is biased, in the batch and in its moving average, as in the original release.
    """

    def __init__(
        self,
        *,
        width: int,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        gain: float = 1.0,
        frozen: bool = False,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.width = width
        self.momentum = momentum
        self.epsilon = epsilon
        self.gain = gain
        self.frozen = frozen

    def build(self, input_shape: Any = None) -> None:
        shape, gain = (self.width,), keras.initializers.Constant(self.gain)
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer=gain)
        self.beta = self.add_weight(name="beta", shape=shape, initializer="zeros")
        self.moving_mean = self.add_weight(
            name="moving_mean", shape=shape, initializer="zeros", trainable=False, autocast=False
        )
        self.moving_variance = self.add_weight(
            name="moving_variance", shape=shape, initializer="ones", trainable=False, autocast=False
        )

    def call(self, inputs: Any, rows: Any = None, training: bool = False) -> Any:
        if training and not self.frozen:
            mean, variance, count = self._moments(inputs, rows)
            # Nothing to learn from a batch without a single row.
            keep = ops.where(count > 0, self.momentum, 1.0)
            self.moving_mean.assign(self.moving_mean * keep + mean * (1 - keep))
            self.moving_variance.assign(self.moving_variance * keep + variance * (1 - keep))
        else:
            mean = ops.convert_to_tensor(self.moving_mean)
            variance = ops.convert_to_tensor(self.moving_variance)
        scale = ops.rsqrt(variance + self.epsilon) * ops.cast(self.gamma, "float32")
        normalise = _lean_normalised if own_gradients() else _normalised
        inputs = ops.cast(inputs, self.compute_dtype)
        return normalise(inputs, mean, scale, ops.cast(self.beta, "float32"))

    def _moments(self, x, rows):
        """Global mean and biased variance over existing rows, and the share of rows that exist."""
        means = _lean_means if own_gradients() else _means
        if rows is None:
            rows = ops.ones_like(ops.reshape(x, (ops.shape(x)[0], -1))[:, 0], dtype="float32")
        rows = ops.reshape(ops.cast(rows, "float32"), (-1, *[1] * (len(x.shape) - 1)))
        local = ops.concatenate([means(x, rows), ops.reshape(ops.mean(rows), (1,))])
        # Replicas hold equally many rows: the mean of the whole is what `synchronized` gives. Other backends
        # refuse it; JAX needs none, where a sharded batch is one array.
        synchronized = keras.backend.backend() == "tensorflow"
        averages, _ = ops.moments(local[None], axes=[0], synchronized=synchronized)
        count = averages[-1]
        mean, square = ops.split(averages[:-1] / ops.maximum(count, 1e-12), 2)
        return mean, ops.maximum(square - ops.square(mean), 0.0), count


# One use of x in each of the two functions, with one gradient: three would not always be added alike, see
# `lean`, which also says what `arrival` is for. Statistics are float32 whatever the policy: squares of
# bfloat16 cancel badly.


def _means(x, rows):
    """Means of x and x² of this replica over all axes but the last, missing rows as zeros, [2 · width]."""
    x = ops.cast(x, "float32") * rows
    axes = tuple(range(len(x.shape) - 1))
    return ops.concatenate([ops.mean(x, axis=axes), ops.mean(ops.square(x), axis=axes)])


def _lean_means(x, rows):
    @ops.custom_gradient
    def means(x):
        def gradient(upstream):
            positions = ops.cast(ops.prod(ops.shape(x)[:-1]), "float32")
            of_mean, of_square = ops.split(upstream / positions, 2)
            values = ops.cast(x, "float32") + arrival(upstream)
            return ops.cast((of_mean + 2 * of_square * values) * rows, x.dtype)

        return _means(x, rows), gradient

    return means(x)


def _normalised(x, mean, scale, offset):
    return ops.cast((ops.cast(x, "float32") - mean) * scale + offset, x.dtype)


def _lean_normalised(x, mean, scale, offset):
    @ops.custom_gradient
    def normalised(x, mean, scale, offset):
        def gradient(upstream):
            up = ops.cast(upstream, "float32")
            centred = ops.cast(x, "float32") - (mean + arrival(up))
            axes = tuple(range(len(x.shape) - 1))
            of_offset, of_scale = ops.sum(up, axis=axes), ops.sum(up * centred, axis=axes)
            return ops.cast(up * scale, x.dtype), -of_offset * scale, of_scale, of_offset

        return _normalised(x, mean, scale, offset), gradient

    return normalised(x, mean, scale, offset)
