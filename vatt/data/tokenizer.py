"""What every tokenizer shares: the way from ids of uneven number to the rows of a batch.

TensorFlow is imported where graphs are made: a model on JAX or PyTorch reads sentences without it.
"""

import functools
from collections.abc import Iterable
from typing import Any

import numpy as np

from vatt import spec
from vatt.protocols import Tensor


class GraphTokenizer:
    """Base of the tokenizers, each a `vatt.protocols.Tokenizer`; a subclass has `tokenize`.

    Attributes:
        resources: what a SavedModel must hold for `tokenize` to run there with plain TensorFlow; None where
            it needs another library's ops.
    """

    resources: tuple | None = None

    def tokenize(self, sentences: Tensor, *, length: int) -> Tensor:
        """See `vatt.protocols.Tokenizer`."""
        raise NotImplementedError

    def encode(self, sentences: Iterable[str], *, length: int) -> np.ndarray:
        """`tokenize` for a Python list of strings: int32 NumPy array [N, L]."""
        import tensorflow as tf

        sentences = list(sentences)
        # One operation after the other takes ten times as long.
        compiled = self.__dict__.setdefault("_compiled", {})
        if length not in compiled:
            kind = tf.TensorSpec([None], tf.string)
            tokenize = functools.partial(self.tokenize, length=length)
            compiled[length] = tf.function(tokenize, input_signature=[kind], autograph=False)
        return compiled[length](tf.constant(sentences, tf.string, shape=[len(sentences)])).numpy()


def rows(ids: Tensor, *, length: int, first: int | None = None, last: int | None = None) -> Tensor:
    """Ids of sentences, cut and padded.

    Args:
        ids: int32 ragged [N, (ids)].
        length: ids of a row, L, the marks included.
        first, last: ids that stand before and behind each sentence, or None. There are none around nothing: a
            caption of padding alone is no caption.

    Returns:
        int32 [N, L], padded behind.
    """
    import tensorflow as tf

    marks = (first is not None) + (last is not None)
    if marks:
        ids = ids[:, : length - marks]
        some = tf.cast(ids.row_lengths() > 0, tf.int64)
        before, after = ([] if mark is None else [_where(some, mark)] for mark in (first, last))
        ids = tf.concat([*before, ids, *after], axis=1)
    return ids.to_tensor(default_value=spec.PADDING_ID, shape=[None, length])


def _where(some: Tensor, mark: int) -> Tensor:
    """`mark` in each row where `some` is 1, int32 ragged [N, 0 or 1]."""
    import tensorflow as tf

    ragged: Any = tf.RaggedTensor  # whose stub lacks this
    return ragged.from_row_lengths(tf.fill([tf.reduce_sum(some)], mark), some)
