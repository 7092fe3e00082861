"""T5's relative position bias: a learned number per head and per bucket of distance."""

import math
from typing import Any

import gin
import keras
import numpy as np
from keras import ops

from vatt.layers.configured import Configured
from vatt.protocols import Tensor

BLOCKS = ("all", "first")


def relative_buckets(length: int, buckets: int, max_distance: int) -> np.ndarray:
    """Bucket of each (query, key) pair, int32 [length, length], bidirectional.

    Half of the buckets are for keys after the query; of each half, one half is exact distances and the rest
    grows logarithmically up to `max_distance` (Raffel et al. 2020, 2.1).
    """
    positions = np.arange(length)
    relative = positions[None, :] - positions[:, None]
    half = buckets // 2
    exact = half // 2
    distance = np.abs(relative)
    scaled = np.log(np.maximum(distance, 1) / exact) / math.log(max_distance / exact)
    # float32, as T5 and the original release compute it: float64 moves exact powers over the edge of a
    # bucket.
    far = exact + np.trunc(np.float32(scaled) * np.float32(half - exact)).astype(np.int32)
    bucket = np.where(distance < exact, distance, np.minimum(far, half - 1))
    return (bucket + np.where(relative > 0, half, 0)).astype(np.int32)


@gin.register
@keras.saving.register_keras_serializable("vatt")
class RelativeBias(Configured, keras.layers.Layer):
    """Additive attention bias from relative positions.

    Args:
        buckets: number of buckets, both directions together.
        max_distance: distance from which all pairs share the last bucket (64 in the original release, 128 in
            T5).
        blocks: "all" adds the bias in every block of an encoder (T5, original release), "first" in the first
            alone (the paper's wording, A.2.2).

    Build: `relative_bias.build(heads)` for H attention heads. Call: `relative_bias(length=length)` gives
    [1, H, length, length].
    """

    def __init__(
        self,
        *,
        buckets: int = 32,
        max_distance: int = 64,
        blocks: str = "all",
        name: str = "relative_bias",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if buckets < 4 or buckets % 4:
            raise ValueError(f"`buckets` must be a positive multiple of 4. Received: buckets={buckets}.")
        if blocks not in BLOCKS:
            raise ValueError(f"`blocks` must be one of {BLOCKS}. Received: blocks={blocks!r}.")
        self.buckets = buckets
        self.max_distance = max_distance
        self.blocks = blocks

    def build(self, heads: int) -> None:
        self.table = self.add_weight(
            name="table",
            shape=(self.buckets, heads),
            initializer=keras.initializers.RandomUniform(-0.05, 0.05),
        )

    def call(self, length: int) -> Tensor:
        indices = relative_buckets(length, self.buckets, self.max_distance)
        bias = ops.take(self.table, indices, axis=0)
        return ops.transpose(bias, (2, 0, 1))[None]
