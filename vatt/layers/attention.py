"""Multi-head self-attention (paper 3.2; Vaswani et al. 2017, 3.2.2)."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from vatt.layers.attend import attend, merge_heads
from vatt.layers.configured import Configured
from vatt.layers.dense import Dense, joined
from vatt.layers.dropout import Dropout, dropped
from vatt.layers.lean import own_gradients, softmax
from vatt.protocols import Tensor

# From as many tokens on, the probabilities are not kept for the gradient. Shorter inputs, such as words and
# the demo's clips, have few of them, and there the fewest operations are the fastest.
LONG = 128


def _has_kernel() -> bool:
    """Whether the backend's own attention serves well: PyTorch's, and JAX's on a GPU or TPU. On a CPU JAX's
    keeps all probabilities, and takes a third more time."""
    backend = keras.backend.backend()
    if backend == "jax":
        return not all(name.startswith("cpu") for name in keras.distribution.list_devices())
    return backend == "torch"


def _goes_by_blocks(dropping: bool) -> bool:
    """Whether long inputs are best served by `attend`."""
    backend = keras.backend.backend()
    if backend == "torch":
        return dropping  # its kernel knows nothing of our draws
    if backend == "jax":  # masks of `attend` do not pass its `remat`
        return not dropping and not _has_kernel()
    return own_gradients()


@keras.saving.register_keras_serializable("vatt")
class SelfAttention(Configured, keras.layers.Layer):
    """softmax(q·kᵀ·scale + bias)·v over heads, then one output map.

    Args:
        width: features of a token, D, in and out.
        heads: attention heads, H.
        head_width: features per head; q, k and v are H · head_width wide, which need not be D.
        use_bias: whether the four maps have biases (T5 has none).
        scale_scores: whether scores are divided by √head_width (T5 does not).
        dropout_rate: dropout on the probabilities.

    Input: tokens [B, N, D]; `bias` float, broadcast to [B, H, N, N], added to the scores: relative
    positions, and a large negative number where a key is padding. Output: [B, N, D].
    `keep_probabilities`, a function ("probabilities", [B, H, N, N]) or None, is called with the attention
    probabilities (query, key) before dropout, which are then computed as one matrix. With `first`, a number,
    the output is that of the first tokens alone.
    """

    def __init__(
        self,
        *,
        width: int,
        heads: int,
        head_width: int = 64,
        use_bias: bool = True,
        scale_scores: bool = True,
        dropout_rate: float = 0.0,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.width = width
        self.heads = heads
        self.head_width = head_width
        self.use_bias = use_bias
        self.scale_scores = scale_scores
        self.dropout_rate = dropout_rate
        inner = heads * head_width
        # Where scores are not scaled, the initial queries are, as in T5: otherwise attention starts as a hard
        # choice, which neither learns well nor survives bfloat16.
        scale = 1.0 if scale_scores else 1.0 / head_width
        initializer = keras.initializers.VarianceScaling(scale, mode="fan_avg", distribution="uniform")
        self.query = Dense(
            inner, use_bias=use_bias, kernel_initializer=initializer, name="query", dtype=dtype
        )
        self.key = Dense(inner, use_bias=use_bias, name="key", dtype=dtype)
        self.value = Dense(inner, use_bias=use_bias, name="value", dtype=dtype)
        self.output_map = Dense(width, use_bias=use_bias, name="output", dtype=dtype)
        self.dropout = Dropout(dropout_rate, name="dropout", dtype=dtype)

    def build(self, input_shape: Any = None) -> None:
        tokens = (None, None, self.width)
        for layer in (self.query, self.key, self.value):
            layer.build(tokens)
        self.output_map.build((None, None, self.heads * self.head_width))
        self.dropout.build()

    def call(
        self,
        tokens: Tensor,
        bias: Tensor | None = None,
        training: bool = False,
        keep_probabilities: Callable | None = None,
        first: int | None = None,
    ) -> Tensor:
        dropping = training and self.dropout_rate > 0
        if keep_probabilities is None and first is None:
            if tokens.shape[1] >= LONG and _goes_by_blocks(dropping):
                return self.output_map(self._attended(tokens, bias, dropping))
            if _has_kernel() and not dropping:
                return self.output_map(self._fused(tokens, bias))
        queries, keys, values = self._heads_of(tokens, first)
        scores = ops.matmul(queries, ops.transpose(keys, (0, 1, 3, 2)))
        if bias is not None:
            scores = scores + ops.cast(bias if bias.shape[2] == 1 else bias[:, :, :first], scores.dtype)
        probabilities = softmax(scores)
        if keep_probabilities is not None:
            keep_probabilities("probabilities", probabilities)
        if first is not None and dropping:
            weights = dropped(probabilities, self._kept_rows(tokens)(0, first), self.dropout_rate)
        else:
            weights = self.dropout(probabilities, training=training)
        return self.output_map(merge_heads(ops.matmul(weights, values)))

    def _heads_of(self, tokens, first=None):
        """Queries, scaled, keys and values, each [B, H, N, d]; queries of the `first` tokens alone."""
        asked, others = [self.query], [self.key, self.value]
        if first is None:
            queries, keys, values = self._split(tokens, asked + others)
        else:
            (queries,), (keys, values) = self._split(tokens[:, :first], asked), self._split(tokens, others)
        return self._scaled(queries), keys, values

    def _split(self, tokens, maps):
        shape = (-1, tokens.shape[1], len(maps), self.heads, self.head_width)
        return ops.unstack(ops.transpose(ops.reshape(joined(tokens, maps), shape), (2, 0, 3, 1, 4)))

    def _scaled(self, queries):
        # Scaling the queries costs N·D products, scaling the scores H·N².
        return queries * self.head_width**-0.5 if self.scale_scores else queries

    def _attended(self, tokens, bias, dropping):
        """[B, N, H·d], without a matrix [H, N, N] that is kept for the gradient."""
        queries = self._scaled(self.query(tokens))
        return attend(
            queries,
            self.key(tokens),
            self.value(tokens),
            heads=self.heads,
            bias=None if bias is None else ops.cast(bias, queries.dtype),
            kept=self._kept_rows(queries) if dropping else None,
            rate=self.dropout_rate,
        )

    def _kept_rows(self, queries):
        """`kept(first, count)` of `attend`: the draws that `self.dropout` makes for the whole matrix."""
        batch, length = ops.shape(queries)[0], queries.shape[1]

        def kept(first, count):
            heads = ops.arange(self.heads, dtype="int32")[:, None]
            rows = heads * length + ops.arange(first, first + count, dtype="int32")
            return self.dropout.kept((batch, self.heads, count, length), after=queries, rows=rows)

        return kept

    def _fused(self, tokens, bias):
        """[B, N, H·d] by the backend's own kernel, where it has one: PyTorch's, and JAX's on a GPU or TPU."""
        queries = self._scaled(self.query(tokens))
        shape = (-1, tokens.shape[1], self.heads, self.head_width)
        split = [ops.reshape(each, shape) for each in (queries, self.key(tokens), self.value(tokens))]
        bias = None if bias is None else ops.cast(bias, queries.dtype)
        mixed = ops.dot_product_attention(*split, bias=bias, scale=1.0)
        return ops.reshape(mixed, (-1, tokens.shape[1], self.heads * self.head_width))
