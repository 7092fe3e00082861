"""Captions to WordPiece ids, for text encoders that were trained with BERT's.

Its ids are the lines of BERT's vocab.txt: 0 is padding. It runs in graphs, through tensorflow-text.
"""

import os
import pathlib

import gin
import tensorflow as tf

from vatt import spec
from vatt.data import tokenizer
from vatt.data.tensorflow_text import tensorflow_text
from vatt.protocols import Tensor

PADDING_PIECE, UNKNOWN_PIECE, START_PIECE, END_PIECE = "[PAD]", "[UNK]", "[CLS]", "[SEP]"

# BERT deletes control and format characters, but line breaks and tabs, and what stands for invalid bytes;
# tensorflow-text would cut there.
_DELETED = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x{9f}\p{Cf}\x{fffd}]+"


@gin.register
class WordPiece(tokenizer.GraphTokenizer):
    """Cuts captions as BERT does: white space, punctuation and Chinese characters apart, then the longest
    pieces of the vocabulary, of which those inside a word begin with "##". See `vatt.protocols.Tokenizer`.

    Args:
        path: vocab.txt, UTF-8, one piece a line; a piece's id is its line, from 0. Line 0 is "[PAD]", and
            there is "[UNK]".
        lower_case: whether letters become lower case and lose their accents ("uncased" models).
        mark_sentences: whether "[CLS]" stands before a caption and "[SEP]" behind it, as BERT was trained.
            Off, because AGG does what "[CLS]" is for.

    Attributes:
        words: the pieces by id.
        size: number of pieces.
    """

    def __init__(
        self, *, path: str | os.PathLike[str], lower_case: bool = True, mark_sentences: bool = False
    ):
        package = tensorflow_text()
        self.path = pathlib.Path(path)
        self.lower_case = lower_case
        self.mark_sentences = mark_sentences
        if not self.path.is_file():
            raise FileNotFoundError(
                f"A WordPiece vocabulary must exist. There is no {self.path}. BERT's is `vocab.txt`, next to "
                f"its weights."
            )
        # Python's own line breaks would cut pieces at characters such as U+2028, which real lists hold.
        pieces = self.path.read_text(encoding="utf-8").removesuffix("\n").replace("\r\n", "\n").split("\n")
        self._check(pieces)
        self.words, self.size = pieces, len(pieces)
        self._start = pieces.index(START_PIECE) if mark_sentences else None
        self._end = pieces.index(END_PIECE) if mark_sentences else None
        self._pieces = package.FastBertTokenizer(
            pieces,
            token_out_type=tf.int32,
            unknown_token=UNKNOWN_PIECE,
        )
        self._normalise = package.normalize_utf8

    def _check(self, pieces):
        needed = [UNKNOWN_PIECE, *((START_PIECE, END_PIECE) if self.mark_sentences else ())]
        missing = [piece for piece in needed if piece not in pieces]
        if missing or pieces[spec.PADDING_ID] != PADDING_PIECE:
            raise ValueError(
                f"A WordPiece vocabulary must begin with {PADDING_PIECE}, whose id {spec.PADDING_ID} is "
                f"padding here, and hold {', '.join(needed)}. Received: {pieces[0]!r} first, "
                f"{', '.join(missing) or 'nothing'} missing in {self.path}. Take BERT's vocab.txt as it is."
            )
        if len(set(pieces)) != len(pieces):
            seen = set()
            repeated = next(piece for piece in pieces if piece in seen or seen.add(piece))
            raise ValueError(
                f"A WordPiece vocabulary must not repeat a piece. Received: {repeated!r} twice in "
                f"{self.path}. Take BERT's vocab.txt as it is."
            )

    def tokenize(self, sentences: Tensor, *, length: int) -> Tensor:
        """See `vatt.protocols.Tokenizer`; of `length` ids the marks are two."""
        sentences = tf.strings.unicode_transcode(sentences, "UTF-8", "UTF-8", errors="replace")
        sentences = tf.strings.regex_replace(sentences, _DELETED, "")
        if self.lower_case:
            # The library's own lower-casing is another: it takes "…" and "①" apart too (NFKD).
            sentences = self._normalise(tf.strings.lower(sentences, encoding="utf-8"), "NFD")
            sentences = tf.strings.regex_replace(sentences, r"\p{Mn}+", "")
        ids = self._pieces.tokenize(sentences)
        return tokenizer.rows(ids, length=length, first=self._start, last=self._end)
