"""The tokenizer of text: word ids as a sequence of embeddings (paper 3.1)."""

from collections.abc import Callable, Sequence
from typing import Any

import gin
import keras
from keras import ops

from vatt.layers.aggregate import AggregateToken
from vatt.layers.configured import Configured
from vatt.layers.dropout import Dropout
from vatt.layers.feed_forward import ACTIVATIONS
from vatt.layers.positions import FactorisedPositions
from vatt.spec import PADDING_ID

AGGREGATES = ("before", "after", None)


@gin.register
@keras.saving.register_keras_serializable("vatt")
class WordTokenizer(Configured, keras.layers.Layer):
    """Word ids as a sequence: table → (projection) → (positions) → AGG.

    Args:
        vocabulary_size: rows of the table; ids are in [0, vocabulary_size), 0 is padding.
        table_width: features of the table; None: D. If given, a gelu projection to D follows. The release
            has 300.
        train_table: whether the table is trained (the paper's v × d matrix; the release froze word2vec).
        word_vectors: Keras initializer of the table, e.g. `vatt.data.word_vectors.WordVectors`; None for a
            random one. It makes the first values and is not part of the configuration, so that a saved model
            needs no file of word vectors.
        projection_bias: whether that projection has a bias.
        aggregate: where AGG joins: "before" the projection, with the table's width (release, T5 text model),
            or "after" it, with width D (modality-agnostic). None disables AGG (T5): the words' mean is
            pooled.
        positions: `FactorisedPositions` of the words (modality-agnostic), without interpolation, as the fifth
            word is the fifth word in a sentence of any length; None disables them (relative biases in the
            encoder instead).
        sizes: (words,), how many positions there are; longer sentences are refused.
        dropout_rate: dropout on the tokens.

    Input: int32 [B, L]. Output: tokens [B, 1 + L, D] and what is no padding, bool [B, 1 + L] (L where there
    is no AGG). `build(width)` makes the weights for D features of a token.
    """

    axes = ("word",)
    drop_rate = patches_read = None  # words are never dropped

    not_in_config = ("word_vectors",)

    def __init__(
        self,
        *,
        vocabulary_size: int = 2**16,
        table_width: int | None = None,
        train_table: bool = True,
        word_vectors: Callable | None = None,
        projection_bias: bool = False,
        aggregate: str | None = "before",
        positions: FactorisedPositions | None = None,
        sizes: Sequence[int] = (16,),
        dropout_rate: float = 0.1,
        name: str = "tokenizer",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if aggregate not in AGGREGATES:
            raise ValueError(f"`aggregate` must be one of {AGGREGATES}. Received: aggregate={aggregate!r}.")
        self.vocabulary_size = vocabulary_size
        self.table_width = table_width
        self.train_table = train_table
        self.projection_bias = projection_bias
        self.aggregate = aggregate
        self.positions = positions
        self.sizes = tuple(sizes)
        self.dropout_rate = dropout_rate
        self._word_vectors = word_vectors
        self.dropout = Dropout(dropout_rate, name="dropout", dtype=dtype)

    def build(self, width: int) -> None:
        embedded = self.table_width or width
        self.table = keras.layers.Embedding(
            self.vocabulary_size,
            embedded,
            embeddings_initializer=self._word_vectors or "uniform",
            name="words",
            dtype=self.dtype_policy,
        )
        self.table.trainable = self.train_table
        self.table.build((None, None))
        self.project = None
        if self.table_width is not None:
            self.project = keras.layers.Dense(
                width, use_bias=self.projection_bias, name="projection", dtype=self.dtype_policy
            )
            self.project.build((None, None, embedded))
        if self.positions is not None:
            self.positions.build(grid=self.sizes, axes=self.axes, width=width)
        self.agg: Any = None
        if self.aggregates:
            agg_width = embedded if self.aggregate == "before" else width
            self.agg = AggregateToken(width=agg_width, name="aggregate", dtype=self.dtype_policy)
            self.agg.build()
        self.dropout.build()

    @property
    def aggregates(self) -> bool:
        """Whether AGG stands in front."""
        return self.aggregate is not None

    def grid_of(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Tokens along the one axis of sentences of sizes (words,)."""
        return tuple(sizes)

    def call(self, ids: Any, training: bool = False) -> tuple[Any, Any]:
        if len(ids.shape) != 2:
            raise ValueError(f"{self.path}: word ids must be [B, L]. Received: shape {tuple(ids.shape)}.")
        words = ops.not_equal(ids, PADDING_ID)
        tokens = self.table(ids)
        if self.aggregate == "before":
            tokens = self.agg(tokens)
        if self.project is not None:
            tokens = ACTIVATIONS["gelu"][0](self.project(tokens))
        if self.positions is not None:
            tokens = tokens + self.positions(grid=(ids.shape[1],))[None]
        tokens = self.dropout(tokens, training=training)
        if self.aggregate == "after":
            tokens = self.agg(tokens)
        if self.aggregates:
            words = ops.concatenate([ops.ones_like(words[:, :1]), words], axis=1)
        return tokens, words
