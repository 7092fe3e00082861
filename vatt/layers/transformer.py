"""Transformer block and encoder, with the few options that tell ViT, WaT and T5 apart (paper 3.2, A.2.2)."""

import keras
from keras import ops

from vatt.layers import draws
from vatt.layers.attention import SelfAttention
from vatt.layers.configured import Configured
from vatt.layers.dropout import Dropout
from vatt.layers.feed_forward import FeedForward
from vatt.layers.lean import LayerNorm
from vatt.layers.relative_bias import RelativeBias

NORMS = {
    "layer": LayerNorm,  # mean-centred, gain and offset
    "rms": keras.layers.RMSNormalization,  # T5's: no centring, gain only
}
PLACEMENTS = ("pre", "post")
NORM_EPSILON = 1e-6
PADDING_BIAS = -1e9  # added to the score of a padding key; softmax then gives it exactly 0
HALF_PADDING_BIAS = -6e4  # the same in float16, which ends at 65,504


def make_norm(kind, *, name, dtype, epsilon=NORM_EPSILON):
    """A normalisation layer over the last axis."""
    if kind not in NORMS:
        raise ValueError(f"A norm must be one of {tuple(NORMS)}. Received: {kind!r}.")
    return NORMS[kind](epsilon=epsilon, name=name, dtype=dtype)


@keras.saving.register_keras_serializable("vatt")
class Block(Configured, keras.layers.Layer):
    """Self-attention and feed-forward, each with a residual connection and a norm before ("pre") or after it.

    Args: see `Encoder`, which passes them on.
    Input and output: [B, N, D]; `bias` as in `SelfAttention`.
    """

    def __init__(
        self,
        *,
        width,
        hidden_width,
        heads,
        head_width=64,
        attention_norm="layer",
        feed_forward_norm="layer",
        norm_placement="pre",
        norm_epsilon=NORM_EPSILON,
        activation="gelu",
        use_bias=True,
        scale_scores=True,
        dropout_rate=0.0,
        name=None,
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        if norm_placement not in PLACEMENTS:
            raise ValueError(f"`norm_placement` must be one of {PLACEMENTS}. Received: {norm_placement!r}.")
        self.width = width
        self.hidden_width = hidden_width
        self.heads = heads
        self.head_width = head_width
        self.attention_norm = attention_norm
        self.feed_forward_norm = feed_forward_norm
        self.norm_placement = norm_placement
        self.norm_epsilon = norm_epsilon
        self.activation = activation
        self.use_bias = use_bias
        self.scale_scores = scale_scores
        self.dropout_rate = dropout_rate
        self.norm1 = make_norm(attention_norm, name="attention_norm", dtype=dtype, epsilon=norm_epsilon)
        self.attention = SelfAttention(
            width=width,
            heads=heads,
            head_width=head_width,
            use_bias=use_bias,
            scale_scores=scale_scores,
            dropout_rate=dropout_rate,
            name="attention",
            dtype=dtype,
        )
        self.norm2 = make_norm(feed_forward_norm, name="feed_forward_norm", dtype=dtype, epsilon=norm_epsilon)
        self.feed_forward = FeedForward(
            width=width,
            hidden_width=hidden_width,
            activation=activation,
            use_bias=use_bias,
            dropout_rate=dropout_rate,
            name="feed_forward",
            dtype=dtype,
        )
        self.dropout1 = Dropout(dropout_rate, name="attention_dropout", dtype=dtype)
        self.dropout2 = Dropout(dropout_rate, name="feed_forward_dropout", dtype=dtype)

    def build(self, input_shape=None):
        for norm in (self.norm1, self.norm2):
            norm.build((None, None, self.width))
        for layer in (self.attention, self.feed_forward, self.dropout1, self.dropout2):
            layer.build()

    def call(self, tokens, bias=None, training=False):
        if self.norm_placement == "pre":
            tokens = tokens + self._attend(self.norm1(tokens), bias, training)
            return tokens + self._transform(self.norm2(tokens), training)
        tokens = self.norm1(tokens + self._attend(tokens, bias, training))
        return self.norm2(tokens + self._transform(tokens, training))

    def _attend(self, tokens, bias, training):
        return self.dropout1(self.attention(tokens, bias=bias, training=training), training=training)

    def _transform(self, tokens, training):
        return self.dropout2(self.feed_forward(tokens, training=training), training=training)


@keras.saving.register_keras_serializable("vatt")
class Encoder(Configured, keras.layers.Layer):
    """A stack of blocks, with a final norm where the blocks are pre-norm.

    Args:
        depth: number of blocks.
        width: features of a token, D.
        hidden_width: features inside the feed-forward networks.
        heads: attention heads.
        head_width: features per head; 64 in every published size.
        attention_norm: "layer" or "rms" (T5), before attention and at the end.
        feed_forward_norm: the norm of the feed-forward network; None: as `attention_norm`. The release's text
            model mixes "rms" and "layer".
        norm_placement: "pre" (every published model) or "post".
        norm_epsilon: added to the variance in every norm; VATT, T5 and timm have 1e-6, other ViTs 1e-12.
        activation: see `FeedForward`.
        use_bias: whether linear maps have biases.
        scale_scores: whether scores are divided by √head_width.
        relative_buckets: buckets of a relative position bias shared by all layers, 0 for none.
        relative_max_distance: see `RelativeBias`.
        relative_layers: "all" adds that bias in every layer (T5, original release), "first" in the first
            alone (the paper's wording, A.2.2).
        dropout_rate: on probabilities, hidden features, both branches and after the final norm.
        recompute: whether training keeps only the input of each block and computes the rest again in the
            backward pass: memory for one block's activations instead of all, a third more time.

    Input: tokens [B, N, D]; `words` bool or number [B, N], 0 where a token is padding, or None
    (not called `mask`: Keras would attach and warn). Output: [B, N, D].
    """

    def __init__(
        self,
        *,
        depth,
        width,
        hidden_width,
        heads,
        head_width=64,
        attention_norm="layer",
        feed_forward_norm=None,
        norm_placement="pre",
        norm_epsilon=NORM_EPSILON,
        activation="gelu",
        use_bias=True,
        scale_scores=True,
        relative_buckets=0,
        relative_max_distance=64,
        relative_layers="all",
        dropout_rate=0.0,
        recompute=False,
        name=None,
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        if relative_layers not in ("all", "first"):
            raise ValueError(f"`relative_layers` must be 'all' or 'first'. Received: {relative_layers!r}.")
        self.depth = depth
        self.width = width
        self.hidden_width = hidden_width
        self.heads = heads
        self.head_width = head_width
        self.attention_norm = attention_norm
        self.feed_forward_norm = feed_forward_norm
        self.norm_placement = norm_placement
        self.norm_epsilon = norm_epsilon
        self.activation = activation
        self.use_bias = use_bias
        self.scale_scores = scale_scores
        self.relative_buckets = relative_buckets
        self.relative_max_distance = relative_max_distance
        self.relative_layers = relative_layers
        self.dropout_rate = dropout_rate
        self.recompute = recompute
        self.blocks = [
            Block(
                width=width,
                hidden_width=hidden_width,
                heads=heads,
                head_width=head_width,
                attention_norm=attention_norm,
                feed_forward_norm=feed_forward_norm or attention_norm,
                norm_placement=norm_placement,
                norm_epsilon=norm_epsilon,
                activation=activation,
                use_bias=use_bias,
                scale_scores=scale_scores,
                dropout_rate=dropout_rate,
                name=f"block_{number}",
                dtype=dtype,
            )
            for number in range(depth)
        ]
        self.relative_bias = None
        if relative_buckets:
            self.relative_bias = RelativeBias(
                heads=heads,
                buckets=relative_buckets,
                max_distance=relative_max_distance,
                name="relative_bias",
                dtype=dtype,
            )
        self.final_norm = None
        if norm_placement == "pre":
            self.final_norm = make_norm(attention_norm, name="final_norm", dtype=dtype, epsilon=norm_epsilon)
        self.dropout = Dropout(dropout_rate, name="dropout", dtype=dtype)

    def build(self, input_shape=None):
        for block in self.blocks:
            block.build()
        if self.relative_bias is not None:
            self.relative_bias.build()
        if self.final_norm is not None:
            self.final_norm.build((None, None, self.width))
        self.dropout.build()

    def call(self, tokens, words=None, training=False):
        for block, bias in zip(self.blocks, self.biases(tokens.shape[1], words)):
            if self.recompute and training:
                tokens = self._recomputed(block, tokens, bias)
            else:
                tokens = block(tokens, bias=bias, training=training)
        if self.final_norm is None:
            return tokens
        return self.dropout(self.final_norm(tokens), training=training)

    @staticmethod
    def _recomputed(block, tokens, bias):
        """The block in training, whose backward pass repeats the forward one, random draws included."""
        key = draws.current_key()

        def run(tokens, *bias):
            with draws.keyed(key):  # the backward pass comes long after the block of the caller
                return block(tokens, bias=bias[0] if bias else None, training=True)

        return keras.remat(run)(tokens, *(() if bias is None else (bias,)))

    def biases(self, length, words=None) -> list:
        """What each block adds to its scores: None, or a tensor broadcast to [B, H, N, N]."""
        padding = None
        if words is not None:
            least = HALF_PADDING_BIAS if self.compute_dtype == "float16" else PADDING_BIAS
            padding = (1 - ops.cast(words, self.compute_dtype)) * least
            padding = padding[:, None, None, :]
        if self.relative_bias is None:
            return [padding] * self.depth
        relative = self.relative_bias(length=length)
        both = relative if padding is None else relative + padding
        return [both] * self.depth if self.relative_layers == "all" else [both] + [padding] * (self.depth - 1)
