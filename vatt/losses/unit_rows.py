"""Embeddings to directions, as every loss that compares by cosine does first."""

from keras import ops

from vatt.protocols import Tensor


def unit_rows(rows: Tensor) -> Tensor:
    """Rows of length 1 in float32, as tf.math.l2_normalize: x · rsqrt(max(Σx², 1e-12))."""
    rows = ops.cast(rows, "float32")
    return rows * ops.rsqrt(ops.maximum(ops.sum(ops.square(rows), axis=-1, keepdims=True), 1e-12))
