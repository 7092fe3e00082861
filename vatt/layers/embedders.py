"""From a raw signal or word ids to the sequence that an encoder reads: tokenizer, positions, DropToken, AGG.

An embedder owns all that is specific to a modality; what follows it, the encoder, knows none. That is why the
modality-agnostic model is nothing but three embedders in front of one encoder (paper 3).
"""

import math

import keras
from keras import ops

from vatt.layers import draws
from vatt.layers.aggregate import AggregateToken
from vatt.layers.configured import Configured
from vatt.layers.drop_token import DropToken, take_tokens, tokens_kept
from vatt.layers.dropout import Dropout
from vatt.layers.feed_forward import ACTIVATIONS
from vatt.layers.patches import PatchEmbedding
from vatt.layers.positions import FactorisedPositions
from vatt.spec import PADDING_ID


@keras.saving.register_keras_serializable("vatt")
class PatchEmbedder(Configured, keras.layers.Layer):
    """Patches of a signal as a sequence: patch map → (projection) → positions → DropToken → AGG.

    Args:
        patch: size of a patch along each axis.
        channels: channels of the signal.
        grid: positions along each axis that the tables hold.
        axes: names of the axes, see `FactorisedPositions`.
        width: features of a token, D.
        edge: see `PatchEmbedding`.
        projection: whether a dense layer D → D with exact gelu follows the patch map (modality-agnostic
            release).
        normalise_positions, position_order, position_interpolation, joint_axes: see `FactorisedPositions`.
        position_dropout_rate: dropout on tokens after their positions were added.
        drop_token_rate, drop_token_pattern: see `DropToken`.

    Input: [B, *sizes, channels] or, for one channel, [B, *sizes]; or patches that the host has chosen,
    [B, K, values of a patch], and with them `kept`, their places, int32 [B, K]. Output: [B, 1 + N, D].
    """

    def __init__(
        self,
        *,
        patch,
        channels,
        grid,
        axes,
        width,
        edge="pad",
        projection=False,
        normalise_positions=True,
        position_order="row_major",
        position_interpolation="natural_cubic",
        joint_axes=(),
        position_dropout_rate=0.1,
        drop_token_rate=0.5,
        drop_token_pattern="per_sample",
        name=None,
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.patch = tuple(patch)
        self.channels = channels
        self.grid = tuple(grid)
        self.axes = tuple(axes)
        self.width = width
        self.edge = edge
        self.projection = projection
        self.normalise_positions = normalise_positions
        self.position_order = position_order
        self.position_interpolation = position_interpolation
        self.joint_axes = tuple(joint_axes)
        self.position_dropout_rate = position_dropout_rate
        self.drop_token_rate = drop_token_rate
        self.drop_token_pattern = drop_token_pattern
        self.patches = PatchEmbedding(
            patch=patch, channels=channels, width=width, edge=edge, name="patches", dtype=dtype
        )
        self.project = None
        if projection:
            self.project = keras.layers.Dense(width, name="projection", dtype=dtype)
        self.positions = FactorisedPositions(
            grid=grid,
            axes=axes,
            width=width,
            normalise=normalise_positions,
            order=position_order,
            interpolation=position_interpolation,
            joint_axes=joint_axes,
            name="positions",
            dtype=dtype,
        )
        self.dropout = Dropout(position_dropout_rate, name="position_dropout", dtype=dtype)
        self.drop_token = DropToken(
            rate=drop_token_rate, pattern=drop_token_pattern, name="drop_token", dtype=dtype
        )
        self.aggregate = AggregateToken(width=width, name="aggregate", dtype=dtype)

    def build(self, input_shape=None):
        if self.project is not None:
            self.project.build((None, None, self.width))
        for layer in (self.patches, self.positions, self.dropout, self.drop_token, self.aggregate):
            layer.build()

    def call(self, signal, training=False, kept=None):
        if kept is None and len(signal.shape) == len(self.patch) + 1:
            signal = signal[..., None]
        tokens = self.dropout(self.tokens(signal, training=training, kept=kept), training=training)
        return self.aggregate(tokens)

    def tokens(self, signal, training=False, kept=None):
        """Tokens with their positions, without AGG: all of them, in training those that DropToken keeps."""
        if kept is not None:
            return self._token(signal, ops.take(self._own_positions(signal), kept, axis=0))
        patches = self.patches.cut(signal)
        positions = self.positions(grid=tuple(patches.shape[1:-1]))
        patches = ops.reshape(patches, (-1, positions.shape[0], patches.shape[-1]))
        kept = self.drop_token.kept_indices(ops.shape(patches)[0], positions.shape[0], training=training)
        if kept is not None:
            # Each token is made from its patch and its position alone, so a dropped one need not be made.
            patches, positions = take_tokens(patches, kept), ops.take(positions, kept, axis=0)
        return self._token(patches, positions)

    def kept_by(self, draw_key):
        """Places that a clip keeps in training, int32 [K], by its key, int32 [1, 2]; of this grid."""
        with draws.keyed(draw_key):
            return self.drop_token.kept_indices(1, math.prod(self.grid), training=True)[0]

    def _own_positions(self, patches):
        """All positions of the grid, for patches chosen by the host."""
        wanted = tokens_kept(math.prod(self.grid), self.drop_token_rate)
        values = math.prod(self.patch) * self.channels
        if tuple(patches.shape[1:]) != (wanted, values):
            raise ValueError(
                f"{self.name}: patches chosen by the host must be [B, {wanted}, {values}], what DropToken at "
                f"{self.drop_token_rate} keeps of {self.grid}. Received: shape {tuple(patches.shape)}."
            )
        return self.positions(grid=self.grid)

    def _token(self, patches, positions):
        tokens = self.patches.embed(patches)
        if self.project is not None:
            tokens = ACTIVATIONS["gelu"][0](self.project(tokens))
        return tokens + positions


@keras.saving.register_keras_serializable("vatt")
class WordEmbedder(Configured, keras.layers.Layer):
    """Word ids as a sequence: table → (projection) → (positions) → AGG.

    Args:
        vocabulary_size: rows of the table; ids lie in [0, vocabulary_size), 0 is padding.
        width: features of a token, D.
        table_width: features of the table, None for D. If given, a gelu projection to D follows.
        train_table: whether the table learns (the paper's v × d matrix; the release froze word2vec).
        table_initializer: Keras initializer of the table, None for Keras' own. It makes the first values and
            is not part of the configuration, so that a saved model needs no file of word vectors.
        projection_bias: whether that projection has a bias.
        aggregate: whether AGG goes in front.
        project_aggregate: whether AGG has the table's width and goes through the projection with the words
            (release, T5 text model), or has width D and comes after it (modality-agnostic).
        words: absolute positions to learn (modality-agnostic), 0 for none (relative bias in the encoder
            instead).
        normalise_positions: see `FactorisedPositions`.
        dropout_rate: dropout on the tokens.

    Input: int32 [B, L]. Output: tokens [B, 1 + L, D] and mask bool [B, 1 + L] (L where there is no AGG).
    """

    def __init__(
        self,
        *,
        vocabulary_size,
        width,
        table_width=None,
        train_table=True,
        table_initializer=None,
        projection_bias=False,
        aggregate=True,
        project_aggregate=True,
        words=0,
        normalise_positions=True,
        dropout_rate=0.0,
        name=None,
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.vocabulary_size = vocabulary_size
        self.width = width
        self.table_width = table_width
        self.train_table = train_table
        self.table_initializer = None  # the table holds its values
        self.projection_bias = projection_bias
        self.aggregate = aggregate
        self.project_aggregate = project_aggregate
        self.words = words
        self.normalise_positions = normalise_positions
        self.dropout_rate = dropout_rate
        embedded = table_width or width
        self.table = keras.layers.Embedding(
            vocabulary_size,
            embedded,
            embeddings_initializer=table_initializer or "uniform",
            name="words",
            dtype=dtype,
        )
        self.table.trainable = train_table
        self.project = None
        if table_width is not None:
            self.project = keras.layers.Dense(width, use_bias=projection_bias, name="projection", dtype=dtype)
        self.positions = None
        if words:
            self.positions = FactorisedPositions(
                grid=(words,),
                axes=("word",),
                width=width,
                normalise=normalise_positions,
                interpolation=None,  # the fifth word is the fifth word in a sentence of any length
                name="positions",
                dtype=dtype,
            )
        self.aggregate_token = None
        if aggregate:
            aggregate_width = embedded if project_aggregate else width
            self.aggregate_token = AggregateToken(width=aggregate_width, name="aggregate", dtype=dtype)
        self.dropout = Dropout(dropout_rate, name="dropout", dtype=dtype)

    def build(self, input_shape=None):
        self.table.build((None, None))
        if self.project is not None:
            self.project.build((None, None, self.table_width))
        for layer in (self.positions, self.aggregate_token, self.dropout):
            if layer is not None:
                layer.build()

    def call(self, ids, training=False):
        if len(ids.shape) != 2:
            raise ValueError(f"{self.name}: word ids must be [B, L]. Received: shape {tuple(ids.shape)}.")
        mask = ops.not_equal(ids, PADDING_ID)
        tokens = self.table(ids)
        if self.aggregate and self.project_aggregate:
            tokens = self.aggregate_token(tokens)
        if self.project is not None:
            tokens = ACTIVATIONS["gelu"][0](self.project(tokens))
        if self.positions is not None:
            tokens = tokens + self.positions(grid=(ids.shape[1],))[None]
        tokens = self.dropout(tokens, training=training)
        if self.aggregate:
            if not self.project_aggregate:
                tokens = self.aggregate_token(tokens)
            mask = ops.concatenate([ops.ones_like(mask[:, :1]), mask], axis=1)
        return tokens, mask
