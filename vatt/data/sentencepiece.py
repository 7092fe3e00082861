"""Captions to ids of a SentencePiece model, for text encoders that were trained with one (T5).

Its ids are the model's own: of T5 0 is padding, 1 ends a sentence and 2 is an unknown piece. It runs in
graphs, through tensorflow-text.
"""

import os
import pathlib

import gin
import tensorflow as tf

from vatt import spec
from vatt.data import tokenizer
from vatt.data.tensorflow_text import tensorflow_text
from vatt.protocols import Tensor


@gin.register
class SentencePiece(tokenizer.GraphTokenizer):
    """Cuts captions into pieces; see `vatt.protocols.Tokenizer`.

    Args:
        path: SentencePiece model file (`spiece.model`).
        end_sentences: whether the id of </s> follows the last piece, as T5 was trained.

    Attributes:
        words: the pieces by id.
        model: the bytes of the file.
        size: number of pieces; a model's word table may have more rows.
    """

    def __init__(self, *, path: str | os.PathLike[str], end_sentences: bool = True):
        package = tensorflow_text()
        self.path = pathlib.Path(path)
        self.end_sentences = end_sentences
        if not self.path.is_file():
            raise FileNotFoundError(
                f"A SentencePiece model file must exist. There is no {self.path}. T5's is `spiece.model`, "
                "next to its weights."
            )
        try:
            self.model = self.path.read_bytes()
            self._pieces = package.SentencepieceTokenizer(self.model, out_type=tf.int32)
            self.size = int(self._pieces.vocab_size())
        except (tf.errors.OpError, ValueError, RuntimeError) as error:
            raise ValueError(
                f"A SentencePiece model file must be whole. Received: {self.path}, which cannot be read "
                f"({str(error).splitlines()[0]}). Copy it again; a tokenizer.json is another format."
            ) from error
        self._end = int(self._pieces.string_to_id("</s>")) if end_sentences else None
        self.words = [piece.decode() for piece in self._pieces.id_to_string(tf.range(self.size)).numpy()]
        if self.words[spec.PADDING_ID] != "<pad>":
            raise ValueError(
                f"Piece {spec.PADDING_ID} must be <pad>, the id of padding here. Received: "
                f"{self.words[spec.PADDING_ID]!r} in {self.path}. Train the model with "
                f"pad_id={spec.PADDING_ID}, as T5's."
            )

    def tokenize(self, sentences: Tensor, *, length: int) -> Tensor:
        """See `vatt.protocols.Tokenizer`; of `length` ids </s> is one."""
        ids = self._pieces.tokenize(sentences)
        return tokenizer.rows(ids, length=length, last=self._end)
