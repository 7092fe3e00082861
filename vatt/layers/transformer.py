"""Transformer block and encoder (paper 3.2, A.2.2)."""

import dataclasses

import keras
from keras import ops

from vatt.layers import draws
from vatt.layers.architecture import Form, Size
from vatt.layers.attention import SelfAttention
from vatt.layers.configured import Configured
from vatt.layers.dropout import Dropout
from vatt.layers.feed_forward import FeedForward
from vatt.layers.lean import LayerNorm, RMSNorm
from vatt.layers.relative_bias import RelativeBias

NORMS = {
    "layer": LayerNorm,  # mean-centred, gain and offset
    "rms": RMSNorm,  # T5's: no centring, gain only
}
PLACEMENTS = ("pre", "post")
PADDING_BIAS = -1e9  # added to the score of a padding key; softmax then gives it exactly 0
HALF_PADDING_BIAS = -6e4  # the same in float16, which ends at 65,504


def make_norm(kind, *, epsilon, name, dtype):
    """A normalisation layer over the last axis."""
    if kind not in NORMS:
        raise ValueError(f"A norm must be one of {tuple(NORMS)}. Received: {kind!r}.")
    return NORMS[kind](epsilon=epsilon, name=name, dtype=dtype)


@keras.saving.register_keras_serializable("vatt")
class Block(Configured, keras.layers.Layer):
    """Self-attention and feed-forward, each with a residual connection and a norm before ("pre") or after it.

    Args:
        size: `Size` of the Transformer that it is a block of.
        form: `Form`.
        dropout_rate: on probabilities, hidden features and both branches.

    Input and output: [B, N, D]; `bias` as in `SelfAttention`.
    """

    def __init__(self, *, size, form, dropout_rate=0.0, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        if form.norm_placement not in PLACEMENTS:
            raise ValueError(
                f"`norm_placement` must be one of {PLACEMENTS}. Received: {form.norm_placement!r}."
            )
        self.size = size
        self.form = form
        self.dropout_rate = dropout_rate
        self.norm1 = make_norm(
            form.attention_norm, epsilon=form.norm_epsilon, name="attention_norm", dtype=dtype
        )
        self.attention = SelfAttention(
            width=size.width,
            heads=size.heads,
            head_width=size.head_width,
            use_bias=form.use_bias,
            scale_scores=form.scale_scores,
            dropout_rate=dropout_rate,
            name="attention",
            dtype=dtype,
        )
        self.norm2 = make_norm(
            form.feed_forward_norm or form.attention_norm,
            epsilon=form.norm_epsilon,
            name="feed_forward_norm",
            dtype=dtype,
        )
        self.feed_forward = FeedForward(
            width=size.width,
            hidden_width=size.hidden_width,
            activation=form.activation,
            use_bias=form.use_bias,
            dropout_rate=dropout_rate,
            name="feed_forward",
            dtype=dtype,
        )
        self.dropout1 = Dropout(dropout_rate, name="attention_dropout", dtype=dtype)
        self.dropout2 = Dropout(dropout_rate, name="feed_forward_dropout", dtype=dtype)

    def build(self, input_shape=None):
        for norm in (self.norm1, self.norm2):
            norm.build((None, None, self.size.width))
        for layer in (self.attention, self.feed_forward, self.dropout1, self.dropout2):
            layer.build()

    def call(self, tokens, bias=None, training=False):
        if self.form.norm_placement == "pre":
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
        size: `Size`.
        form: `Form`; None for the pre-norm one of ViT and WaT.
        relative_buckets: buckets of a relative position bias shared by all layers, 0 for none.
        relative_max_distance: see `RelativeBias`.
        relative_layers: "all" adds that bias in every layer (T5, original release), "first" in the first
            alone (the paper's wording, A.2.2).
        dropout_rate: on probabilities, hidden features, both branches and after the final norm.

    Input: tokens [B, N, D]; `words` bool or number [B, N], 0 where a token is padding, or None
    (not called `mask`: Keras would attach and warn). Output: [B, N, D].
    """

    def __init__(
        self,
        *,
        size,
        form=None,
        relative_buckets=0,
        relative_max_distance=64,
        relative_layers="all",
        dropout_rate=0.0,
        name=None,
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        if relative_layers not in ("all", "first"):
            raise ValueError(f"`relative_layers` must be 'all' or 'first'. Received: {relative_layers!r}.")
        self.size = size
        self.form = form = form or Form()
        self.relative_buckets = relative_buckets
        self.relative_max_distance = relative_max_distance
        self.relative_layers = relative_layers
        self.dropout_rate = dropout_rate
        self.blocks = [
            Block(size=size, form=form, dropout_rate=dropout_rate, name=f"block_{number}", dtype=dtype)
            for number in range(size.depth)
        ]
        self.relative_bias = None
        if relative_buckets:
            self.relative_bias = RelativeBias(
                heads=size.heads,
                buckets=relative_buckets,
                max_distance=relative_max_distance,
                name="relative_bias",
                dtype=dtype,
            )
        self.final_norm = None
        if form.norm_placement == "pre":
            self.final_norm = make_norm(
                form.attention_norm, epsilon=form.norm_epsilon, name="final_norm", dtype=dtype
            )
        self.dropout = Dropout(dropout_rate, name="dropout", dtype=dtype)

    @classmethod
    def from_config(cls, config):
        """Takes the flat configurations too, which files of a backbone alone had at first."""
        if "size" not in config:
            config = dict(config)
            for name, kind in (("size", Size), ("form", Form)):
                fields = [field.name for field in dataclasses.fields(kind)]
                config[name] = kind(**{field: config.pop(field) for field in fields if field in config})
        return super().from_config(config)

    def build(self, input_shape=None):
        for block in self.blocks:
            block.build()
        if self.relative_bias is not None:
            self.relative_bias.build()
        if self.final_norm is not None:
            self.final_norm.build((None, None, self.size.width))
        self.dropout.build()

    def call(self, tokens, words=None, training=False):
        for block, bias in zip(self.blocks, self.biases(tokens.shape[1], words)):
            if self.size.recompute and training:
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
            return [padding] * self.size.depth
        relative = self.relative_bias(length=length)
        both = relative if padding is None else relative + padding
        return [both] + [both if self.relative_layers == "all" else padding] * (self.size.depth - 1)
