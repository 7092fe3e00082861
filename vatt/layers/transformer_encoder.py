"""Transformer block and encoder (paper 3.2, A.2.2)."""

from collections.abc import Callable, Mapping
from typing import Any

import gin
import keras
from keras import ops

from vatt.layers import draws
from vatt.layers.architecture import Form, Size, size_of
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
# Names of a block's intermediates that can be collected.
PROBABILITIES = "probabilities"  # attention [B, H, N, N] (query, key), before dropout
TRANSFORMED = "transformed"  # output of the feed-forward network before the residual addition, [B, N, D]
TOKENS = "tokens"  # output of the block, [B, N, D]
PADDING_BIAS = -1e9  # added to the score of a padding key; softmax then gives it exactly 0
HALF_PADDING_BIAS = -6e4  # the same in float16, which ends at 65,504


def make_norm(kind: str, *, epsilon: float, name: str, dtype: Any) -> keras.layers.Layer:
    """A normalisation layer over the last axis."""
    if kind not in NORMS:
        raise ValueError(f"A norm must be one of {tuple(NORMS)}. Received: {kind!r}.")
    return NORMS[kind](epsilon=epsilon, name=name, dtype=dtype)


@keras.saving.register_keras_serializable("vatt")
class Block(Configured, keras.layers.Layer):
    """Self-attention and feed-forward, each with a residual connection and a norm before ("pre") or after it.

    Args:
        size: `Size` of the enclosing encoder.
        form: `Form`.
        dropout_rate: on probabilities, hidden features and both branches.
        drop_probabilities: see `TransformerEncoder`.

    Input and output: [B, N, D]; `bias` and `first` as in `SelfAttention`. With `collect`, see
    `TransformerEncoder`, the output is the pair of tokens and what was collected.
    """

    def __init__(
        self,
        *,
        size: Any,
        form: Form,
        dropout_rate: float = 0.0,
        drop_probabilities: bool = True,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if form.norm_placement not in PLACEMENTS:
            raise ValueError(
                f"`norm_placement` must be one of {PLACEMENTS}. Received: {form.norm_placement!r}."
            )
        self.size = size
        self.form = form
        self.dropout_rate = dropout_rate
        self.drop_probabilities = drop_probabilities
        self.norm1 = make_norm(
            form.attention_norm, epsilon=form.norm_epsilon, name="attention_norm", dtype=dtype
        )
        self.attention = SelfAttention(
            width=size.width,
            heads=size.heads,
            head_width=size.head_width,
            use_bias=form.use_bias,
            scale_scores=form.scale_scores,
            dropout_rate=dropout_rate if drop_probabilities else 0.0,
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

    def build(self, input_shape: Any = None) -> None:
        for norm in (self.norm1, self.norm2):
            norm.build((None, None, self.size.width))
        for layer in (self.attention, self.feed_forward, self.dropout1, self.dropout2):
            layer.build()

    def call(
        self,
        tokens: Any,
        bias: Any = None,
        training: bool = False,
        collect: Mapping[str, Callable] | None = None,
        first: int | None = None,
    ) -> Any:
        collected = {}

        def keep(name: str, value: Any) -> Any:
            if collect and name in collect:
                collected[name] = collect[name](value)
            return value

        pre = self.form.norm_placement == "pre"
        wanted = keep if collect and PROBABILITIES in collect else None
        attended = self.attention(
            self.norm1(tokens) if pre else tokens,
            bias=bias,
            training=training,
            keep_probabilities=wanted,
            first=first,
        )
        attended = self.dropout1(attended, training=training)
        tokens = tokens if first is None else tokens[:, :first]
        tokens = tokens + attended if pre else self.norm1(tokens + attended)
        transformed = keep(
            TRANSFORMED, self.feed_forward(self.norm2(tokens) if pre else tokens, training=training)
        )
        transformed = self.dropout2(transformed, training=training)
        tokens = keep(TOKENS, tokens + transformed if pre else self.norm2(tokens + transformed))
        return (tokens, collected) if collect else tokens


@gin.register
@keras.saving.register_keras_serializable("vatt")
class TransformerEncoder(Configured, keras.layers.Layer):
    """A stack of blocks, with a final norm where the blocks are pre-norm.

    Args:
        size: "small", "base", "medium", "large" or a `Size`.
        form: `Form`; None: the pre-norm one of ViT and WaT.
        relative_bias: `RelativeBias` of the attention scores, or None.
        dropout_rate: on probabilities, hidden features, both branches and after the final norm.
        drop_probabilities: whether the first of these is done: fused kernels of attention, which JAX has on
            GPUs and TPUs, have no such dropout, and serve training where it is off (or the rate is 0).

    Input: tokens [B, N, D]; `words` bool or number [B, N], 0 where a token is padding, or None
    (not called `mask`: Keras would attach and warn). Output: [B, N, D].

    `collect` asks for intermediates: a dict from names ("probabilities", "transformed", "tokens") to
    functions of their values, such as a mean over tokens. The output is then the pair of tokens and a dict
    from those names to lists of the functions' results, block by block; only these stay in memory.
    """

    def __init__(
        self,
        *,
        size: str | Size | dict = "base",
        form: Form | None = None,
        relative_bias: RelativeBias | None = None,
        dropout_rate: float = 0.1,
        drop_probabilities: bool = True,
        name: str = "encoder",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.size = size_of(size)
        self.form = form or Form()
        self.relative_bias = relative_bias
        self.dropout_rate = dropout_rate
        self.drop_probabilities = drop_probabilities

    @property
    def summary(self) -> str:
        """Its size in a few characters, layers × width."""
        return f"{self.size.depth} × {self.size.width}"

    def build(self, input_shape: Any = None) -> None:
        # Made here and not with the encoder: initial weights then depend on the order in which encoders are
        # built, which a model fixes, and not on that in which a configuration names them.
        size, form, policy = self.size, self.form, self.dtype_policy
        drops = {"dropout_rate": self.dropout_rate, "drop_probabilities": self.drop_probabilities}
        self.blocks = [
            Block(size=size, form=form, name=f"block_{number}", dtype=policy, **drops)
            for number in range(size.depth)
        ]
        for block in self.blocks:
            block.build()
        if self.relative_bias is not None:
            self.relative_bias.build(size.heads)
        self.final_norm = None
        if form.norm_placement == "pre":
            self.final_norm = make_norm(
                form.attention_norm, epsilon=form.norm_epsilon, name="final_norm", dtype=policy
            )
            self.final_norm.build((None, None, size.width))
        self.dropout = Dropout(self.dropout_rate, name="dropout", dtype=policy)
        self.dropout.build()

    def call(
        self,
        tokens: Any,
        words: Any = None,
        training: bool = False,
        collect: Mapping[str, Callable] | None = None,
    ) -> Any:
        collected = {name: [] for name in collect or ()}
        for block, bias in zip(self.blocks, self.biases(tokens.shape[1], words)):
            if collect:
                tokens, of_block = block(tokens, bias=bias, training=training, collect=collect)
                for name, value in of_block.items():
                    collected[name].append(value)
            else:
                tokens = self._through(block, tokens, bias, training)
        tokens = self._normalised(tokens, training)
        return (tokens, collected) if collect else tokens

    def aggregated(self, tokens: Any, words: Any = None, training: bool = False) -> tuple[Any, Any]:
        """The outputs of the first token, AGG, and of the others: [B, D] and [B, N - 1, D].

        In a step the last block is there twice, for AGG and for all tokens. Losses read AGG alone, and what
        nobody reads is not computed: a compiled step leaves out all of the last block but its keys and
        values, and one row.
        """
        if not training or draws.current_key() is None:  # draws without a key would differ between the two
            tokens = self(tokens, words=words, training=training)
            return tokens[:, 0], tokens[:, 1:]
        *biases, last = self.biases(tokens.shape[1], words)
        for block, bias in zip(self.blocks, biases):
            tokens = self._through(block, tokens, bias, training)
        front, every = (self._through(self.blocks[-1], tokens, last, training, n) for n in (1, None))
        return self._normalised(front, training)[:, 0], self._normalised(every, training)[:, 1:]

    def _normalised(self, tokens, training):
        if self.final_norm is None:
            return tokens
        return self.dropout(self.final_norm(tokens), training=training)

    def _through(self, block, tokens, bias, training, first=None):
        if self.size.recompute and training:
            return self._recomputed(block, tokens, bias, first)
        return block(tokens, bias=bias, training=training, first=first)

    @staticmethod
    def _recomputed(block, tokens, bias, first):
        """The block in training, whose backward pass repeats the forward one, random draws included."""
        key = draws.current_key()

        def run(tokens, *bias):
            with draws.keyed(key):  # the backward pass comes long after the block of the caller
                return block(tokens, bias=bias[0] if bias else None, training=True, first=first)

        return keras.remat(run)(tokens, *(() if bias is None else (bias,)))

    def biases(self, length: int, words: Any = None) -> list:
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
        return [both] + [both if self.relative_bias.blocks == "all" else padding] * (self.size.depth - 1)
