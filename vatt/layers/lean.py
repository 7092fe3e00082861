"""Functions that keep little for their gradients: layer and RMS normalisation, gelu, softmax.

TensorFlow's own gradient of each keeps every intermediate that its formula has, several arrays of the input's
size, and computes them in the input's type, which is slow in bfloat16. These keep the input, and a row's two
numbers, and compute in float32. The other backends have kernels of their own for both; JAX shares gelu,
for which its own takes half as much time again, in bfloat16 three times as much.

TensorFlow's optimizer makes equal operations on equal inputs once: what a gradient computes again would
become what the forward pass had, kept until then. `arrival` makes them unequal.

What a compiler makes one pass (`vatt.one_pass`) has products with ones for sums over rows: XLA's own sums
take several times as long on a CPU.

They also hand back one gradient for their input, where the formula has several. Of three and more gradients
of a tensor TensorFlow adds first the one whose memory happens to be free first, and the last place of the
sum would differ from run to run (`tests/engines/test_engines_order_of_sums.py`).
"""

import contextlib
import contextvars
import functools
import math
import operator
from collections.abc import Iterator

import keras
from keras import ops

from vatt.one_pass import compiler_for
from vatt.protocols import Tensor

_framework_alone = contextvars.ContextVar("framework_alone", default=False)


@contextlib.contextmanager
def framework_gradients() -> Iterator[None]:
    """Inside, graphs are made with TensorFlow's own gradients alone: those that are written to a file.

    What reads the file again finds no gradient of ours that stands in a loop's body.
    """
    token = _framework_alone.set(True)
    try:
        yield
    finally:
        _framework_alone.reset(token)


def own_gradients() -> bool:
    """Whether the gradients of this module and of `attend` are used."""
    return keras.backend.backend() == "tensorflow" and not _framework_alone.get()


def arrival(upstream: Tensor) -> Tensor:
    """0, known only when the gradient `upstream` is there, shape [1]; 1 if that is NaN, where all is lost."""
    return ops.cast(ops.isnan(ops.reshape(upstream, (-1,))[:1]), upstream.dtype)


def branches(x: Tensor, count: int) -> tuple:
    """`x` for several branches, whose gradients are added in the order of the branches."""

    @ops.custom_gradient
    def branched(x):
        def gradient(*upstream):
            return functools.reduce(operator.add, upstream)

        return tuple(ops.copy(x) for _ in range(count)), gradient

    return branched(x) if own_gradients() else (x,) * count


def gelu(x: Tensor) -> Tensor:
    """x·Φ(x), exact."""
    return _gelu(x) if own_gradients() or keras.backend.backend() == "jax" else ops.gelu(x, approximate=False)


def _gelu_forward(x):
    y = ops.cast(x, "float32")
    return ops.cast(0.5 * y * (1 + ops.erf(y * math.sqrt(0.5))), x.dtype)


def _gelu_gradient(x, upstream, nothing=0.0):
    y = ops.cast(x, "float32")
    below = 0.5 + 0.5 * ops.erf(y * (math.sqrt(0.5) + nothing))  # Φ
    slope = below + y * ops.exp(-0.5 * ops.square(y)) * (1 / math.sqrt(2 * math.pi))
    return ops.cast(ops.cast(upstream, "float32") * slope, x.dtype)


@ops.custom_gradient
def _gelu(x):
    if compiled := compiler_for(x):
        return compiled(_gelu_forward)(x), lambda upstream: compiled(_gelu_gradient)(x, upstream)

    def gradient(upstream):
        return _gelu_gradient(x, upstream, ops.cast(arrival(upstream), "float32"))

    return ops.cast(ops.gelu(ops.cast(x, "float32"), approximate=False), x.dtype), gradient


def softmax(scores: Tensor) -> Tensor:
    """Over the last axis."""
    if own_gradients() and (compiled := compiler_for(scores)):
        return _softmax(scores, compiled)
    return ops.softmax(scores, axis=-1)


def _softmax(scores, compiled):
    @ops.custom_gradient
    def made(scores):
        probabilities = ops.softmax(scores, axis=-1)

        def gradient(upstream):
            rows = [ops.reshape(each, (-1, each.shape[-1])) for each in (upstream, probabilities)]
            return ops.reshape(compiled(_gradient_of_softmax)(*rows), ops.shape(scores))

        return probabilities, gradient

    return made(scores)


def _gradient_of_softmax(upstream, probabilities):
    up, p = (ops.cast(each, "float32") for each in (upstream, probabilities))
    shared = ops.matmul(up * p, ops.ones((p.shape[1], 1)))
    return ops.cast((up - shared) * p, probabilities.dtype)


@keras.saving.register_keras_serializable("vatt")
class LayerNorm(keras.layers.LayerNormalization):
    """`keras.layers.LayerNormalization` over the last axis, in numbers and in weights."""

    def call(self, inputs: Tensor) -> Tensor:
        if not own_gradients():
            return super().call(inputs)
        gain, offset = (ops.cast(ops.convert_to_tensor(each), "float32") for each in (self.gamma, self.beta))
        return _normalised(inputs, gain, offset, self.epsilon)


@keras.saving.register_keras_serializable("vatt")
class RMSNorm(keras.layers.RMSNormalization):
    """`keras.layers.RMSNormalization` over the last axis, in numbers and in weights."""

    def call(self, inputs: Tensor) -> Tensor:
        if not own_gradients():
            return super().call(inputs)
        return _scaled(inputs, ops.cast(ops.convert_to_tensor(self.scale), "float32"), self.epsilon)


def _row_mean(x):
    return ops.mean(x, axis=-1, keepdims=True)


def _scaled(inputs, gain, epsilon):
    @ops.custom_gradient
    def scaled(inputs, gain):
        x = ops.cast(inputs, "float32")
        scale = ops.rsqrt(_row_mean(ops.square(x)) + epsilon)

        def gradient(upstream):
            up = ops.cast(upstream, "float32")
            unit = ops.cast(inputs, "float32") * (scale + arrival(up))
            of_gain = ops.sum(up * unit, axis=tuple(range(len(unit.shape) - 1)))
            up = up * gain
            return ops.cast(scale * (up - unit * _row_mean(up * unit)), inputs.dtype), of_gain

        return ops.cast(x * scale * gain, inputs.dtype), gradient

    return scaled(inputs, gain)


@ops.custom_gradient
def _normalised(inputs, gain, offset, epsilon):
    if compiled := compiler_for(inputs):
        rows = ops.reshape(inputs, (-1, inputs.shape[-1]))
        made, mean, scale = compiled(_rows_normalised)(rows, gain, offset, epsilon)

        def gradient_in_one_pass(upstream):
            up = ops.reshape(upstream, ops.shape(rows))
            of_rows, of_gain, of_offset = compiled(_gradients_of_rows)(up, rows, mean, scale, gain)
            return ops.reshape(of_rows, ops.shape(inputs)), of_gain, of_offset, None

        return ops.reshape(made, ops.shape(inputs)), gradient_in_one_pass

    x = ops.cast(inputs, "float32")
    mean = _row_mean(x)
    scale = ops.rsqrt(_row_mean(ops.square(x - mean)) + epsilon)

    def gradient(upstream):
        up = ops.cast(upstream, "float32")
        unit = (ops.cast(inputs, "float32") - (mean + arrival(up))) * scale
        axes = tuple(range(len(unit.shape) - 1))
        of_gain, of_offset = ops.sum(up * unit, axis=axes), ops.sum(up, axis=axes)
        up = up * gain
        of_inputs = scale * (up - _row_mean(up) - unit * _row_mean(up * unit))
        return ops.cast(of_inputs, inputs.dtype), of_gain, of_offset, None

    by = scale * gain
    return ops.cast(x * by + (offset - mean * by), inputs.dtype), gradient


def _rows_normalised(rows, gain, offset, epsilon):
    """Rows [R, D] and what their gradient needs of them: means and scales [R, 1], float32."""
    x = ops.cast(rows, "float32")
    share = ops.full((x.shape[1], 1), 1 / x.shape[1])
    mean = ops.matmul(x, share)
    scale = ops.rsqrt(ops.matmul(ops.square(x - mean), share) + epsilon)
    by = scale * gain
    return ops.cast(x * by + (offset - mean * by), rows.dtype), mean, scale


def _gradients_of_rows(upstream, rows, mean, scale, gain):
    count, width = rows.shape
    up, share = ops.cast(upstream, "float32"), gain[:, None] / width
    unit = (ops.cast(rows, "float32") - mean) * scale
    both = up, up * unit
    of_offset, of_gain = ops.split(ops.matmul(ops.ones((1, count)), ops.concatenate(both, axis=1))[0], 2)
    of_rows = scale * (up * gain - ops.matmul(both[0], share) - unit * ops.matmul(both[1], share))
    return ops.cast(of_rows, rows.dtype), of_gain, of_offset
