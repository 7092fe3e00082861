"""Multi-head self-attention (paper 3.2; Vaswani et al. 2017, 3.2.2)."""

import keras
from keras import ops

from vatt.layers.configured import Configured
from vatt.layers.dropout import Dropout


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
    """

    def __init__(
        self,
        *,
        width,
        heads,
        head_width=64,
        use_bias=True,
        scale_scores=True,
        dropout_rate=0.0,
        name=None,
        dtype=None,
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
        self.query = keras.layers.Dense(
            inner, use_bias=use_bias, kernel_initializer=initializer, name="query", dtype=dtype
        )
        self.key = keras.layers.Dense(inner, use_bias=use_bias, name="key", dtype=dtype)
        self.value = keras.layers.Dense(inner, use_bias=use_bias, name="value", dtype=dtype)
        self.output_map = keras.layers.Dense(width, use_bias=use_bias, name="output", dtype=dtype)
        self.dropout = Dropout(dropout_rate, name="dropout", dtype=dtype)

    def build(self, input_shape=None):
        tokens = (None, None, self.width)
        for layer in (self.query, self.key, self.value):
            layer.build(tokens)
        self.output_map.build((None, None, self.heads * self.head_width))
        self.dropout.build()

    def probabilities(self, tokens, bias=None):
        """Attention probabilities [B, H, N, N] (query, key)."""
        queries = self._split(self.query(tokens))
        if self.scale_scores:
            # Scaling the queries costs N·D products, scaling the scores H·N².
            queries = queries * self.head_width**-0.5
        keys = ops.transpose(self._split(self.key(tokens)), (0, 1, 3, 2))
        scores = ops.matmul(queries, keys)
        if bias is not None:
            scores = scores + ops.cast(bias, scores.dtype)
        return ops.softmax(scores, axis=-1)

    def call(self, tokens, bias=None, training=False):
        return self.mix(self.dropout(self.probabilities(tokens, bias), training=training), tokens)

    def mix(self, weights, tokens):
        """[B, N, D]: what each token takes from all by weights [B, H, N, N], through the output map."""
        mixed = ops.matmul(weights, self._split(self.value(tokens)))
        inner = self.heads * self.head_width
        mixed = ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (-1, tokens.shape[1], inner))
        return self.output_map(mixed)

    def _split(self, features):
        """[B, N, H·d] -> [B, H, N, d]."""
        shape = (-1, features.shape[1], self.heads, self.head_width)
        return ops.transpose(ops.reshape(features, shape), (0, 2, 1, 3))
