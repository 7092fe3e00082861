"""The text branch of MMV (Alayrac et al. 2020): words, a linear map, the maximum over the sentence."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gin
import keras
from keras import ops

from vatt.layers.stage_encoder import StageEncoder
from vatt.layers.transformer_encoder import TOKENS


@gin.register
@keras.saving.register_keras_serializable("vatt")
class LinearText(StageEncoder):
    """Word table → linear map with bias and ReLU, word by word → the maximum over all positions.

    Padding takes part in the maximum, as in the release: id 0 has its row of the table like any word, and a
    sentence of nothing has a vector.

    Args:
        vocabulary_size: rows of the table; ids are in [0, vocabulary_size), 0 is padding.
        table_width: features of the table.
        width: features of the outputs, D.
        train_table: whether the table is trained; the release froze word2vec.
        word_vectors: see `WordTokenizer`.

    Input: int32 [B, L]. Output: pooled [B, D] and features [B, L, D]; with `collect`, see `ConvNet`, a third
    of one stage.
    """

    axes = ("word",)
    mixes_rows = False
    not_in_config = ("word_vectors",)

    def __init__(
        self,
        *,
        vocabulary_size: int = 2**16,
        table_width: int = 300,
        width: int = 2048,
        train_table: bool = False,
        word_vectors: Callable | None = None,
        name: str = "encoder",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.vocabulary_size = vocabulary_size
        self.table_width = table_width
        self.width = width
        self.train_table = train_table
        self._word_vectors = word_vectors

    def build(self, input_shape: Any = None) -> None:
        self.table = keras.layers.Embedding(
            self.vocabulary_size,
            self.table_width,
            embeddings_initializer=self._word_vectors or "uniform",
            name="words",
            dtype=self.dtype_policy,
        )
        self.table.trainable = self.train_table
        self.table.build((None, None))
        # A convolution's kernel over one word, as the release keeps it: weights move freely between the two.
        shape = (1, self.table_width, self.width)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="glorot_uniform")
        self.bias = self.add_weight(name="bias", shape=(self.width,), initializer="zeros")

    def grid_of(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Positions along the one axis of sentences of sizes (words,)."""
        return tuple(sizes)

    def call(
        self,
        ids: Any,
        rows: Any = None,
        training: bool = False,
        collect: Mapping[str, Callable] | None = None,
    ) -> Any:
        self.check_collect(collect)
        if len(ids.shape) != 2:
            raise ValueError(f"{self.path}: word ids must be [B, L]. Received: shape {tuple(ids.shape)}.")
        features = ops.relu(ops.matmul(self.table(ids), self.kernel[0]) + self.bias)
        pooled = ops.max(features, axis=1)
        return (pooled, features, {TOKENS: [collect[TOKENS](features)]}) if collect else (pooled, features)
