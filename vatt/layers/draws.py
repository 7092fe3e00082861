"""Random draws that are pure functions of (seed, example, layer, element): the same on any number of
replicas.

Inside `with keyed(draw_key):` every draw is a hash of the example's key, of the layer's salt and of the
element's number, so it depends neither on how a batch is split over devices nor on how often anything was
drawn before, and a second pass over the same examples repeats the first. Outside of it, layers fall back on
`keras.random`, so that `model.fit` and a bare call work as for any Keras layer. The hash is "lowbias32" (C.
Wellons, 2018), a 32-bit mixer whose output passes the usual avalanche tests.
"""

import contextlib
import functools
import operator
import threading
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
from keras import ops

from vatt.layers.lean import arrival
from vatt.protocols import Tensor

_state = threading.local()


@contextlib.contextmanager
def keyed(draw_key: Tensor) -> Iterator[None]:
    """Makes the draws of this block functions of `draw_key`, int32 [B, 2] = (seed, example); None changes
    nothing.
    """
    before = getattr(_state, "key", None)
    _state.key = before if draw_key is None else draw_key
    try:
        yield
    finally:
        _state.key = before


def current_key() -> Tensor | None:
    """The key of the `keyed` block around the caller, or None."""
    return getattr(_state, "key", None)


def salt_of(layer: keras.layers.Layer) -> int:
    """A fixed 31-bit number for a built layer: the checksum of its path, so that no two layers draw alike."""
    return zlib.crc32(layer.path.encode()) & 0x7FFFFFFF


def uniform(shape: Sequence[Any], *, salt: int, rows: Tensor | None = None, after: Tensor = None) -> Tensor:
    """Uniform float32 in [0, 1) of `shape` = [B, ...].

    Args:
        shape: static or dynamic sizes, the batch first.
        salt: see `salt_of`.
        rows: int32 of shape[1:-1], the numbers of the last axis's rows within a larger array; None: 0, 1, 2 …
        after: a float tensor that the draws wait for. Else they depend on the key alone, and nothing keeps a
            graph from making those of all layers when a step begins and holding them until they are needed;
            nor from folding a hash of the elements' numbers into a constant of the program, as large as the
            array.
    """
    key = current_key()
    if key is None:
        return keras.random.uniform(shape)
    per_example = _mix(ops.bitwise_xor(_uint(key[:, 0]), _uint(salt)))
    per_example = _mix(_wrapped(per_example + _uint(key[:, 1])))
    if rows is None:
        rows = ops.arange(
            functools.reduce(operator.mul, shape[1:-1], 1), dtype="int32"
        )  # sizes may be tensors
    elements = ops.reshape(rows, (-1, 1)) * shape[-1]
    if after is not None:
        nothing = ops.cast(arrival(after), "int32")
        per_example, elements = _wrapped(per_example + _uint(nothing)), elements + nothing
    elements = ops.reshape(elements + ops.arange(shape[-1], dtype="int32"), (-1,))
    per_element = _mix(_wrapped(_uint(elements) + _uint(0x9E3779B9)))
    bits = _mix(ops.bitwise_xor(per_example[:, None], per_element[None, :]))
    # 24 bits: the most that float32 holds exactly.
    fractions = ops.cast(ops.right_shift(bits, _uint(8)), "float32") * (2.0**-24)
    return ops.reshape(fractions, shape)


def _uint(value):
    return ops.cast(value, "uint32")


def _wrapped(x):
    """Modulo 2^32; PyTorch multiplies no 32-bit numbers without a sign, Keras gives it 64-bit ones."""
    return ops.bitwise_and(x, 0xFFFFFFFF) if keras.backend.backend() == "torch" else x


def _mix(x):
    x = ops.bitwise_xor(x, ops.right_shift(x, _uint(16)))
    x = _wrapped(x * _uint(0x7FEB352D))
    x = ops.bitwise_xor(x, ops.right_shift(x, _uint(15)))
    x = _wrapped(x * _uint(0x846CA68B))
    return ops.bitwise_xor(x, ops.right_shift(x, _uint(16)))
