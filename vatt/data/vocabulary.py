"""Words to ids: a word list and the tokenizer over it, in plain TensorFlow string ops and in plain Python.

Because it uses nothing but TensorFlow's own ops, a model exported with its tokenizer inside needs no further
library; and Python lists of sentences need no TensorFlow.
"""

import functools
import os
import pathlib
from collections.abc import Iterable
from typing import Any

import gin
import numpy as np

from vatt import spec
from vatt.data import tokenizer
from vatt.data import words as word_rule
from vatt.protocols import Tensor

PADDING_WORD = "<pad>"
UNKNOWN_WORD = "<unk>"


@gin.register
class Vocabulary(tokenizer.GraphTokenizer):
    """The word list of a prepared set, or a given one; see `vatt.protocols.Tokenizer`.

    Args:
        path: text file, UTF-8, one word a line; a word's id is its line, from 0. Line 0 is "<pad>", line 1
            "<unk>".
        release: cut captions into words exactly as the released tokenizer does (ASCII punctuation and letters
            only) instead of the Unicode rule. For models whose word list was made that way.

    Attributes:
        words: the words by id.
        size: number of words.
    """

    def __init__(self, *, path: str | os.PathLike[str], release: bool = False):
        self.path = pathlib.Path(path)
        self.release = release
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise FileNotFoundError(
                f"A prepared set must hold its word list. There is no {self.path}. Prepare it again, or give "
                f"another word list (`Captions.vocabulary_file`)."
            ) from None
        self.words = text.removesuffix("\n").split("\n")
        self.size = len(self.words)
        if self.words[:2] != [PADDING_WORD, UNKNOWN_WORD]:
            raise ValueError(
                f"The first two words must be {PADDING_WORD!r} and {UNKNOWN_WORD!r}. Received: "
                f"{self.words[:2]} in {self.path}. Their ids, 0 and 1, are padding and unknown words: take a "
                f"list of `vatt prepare`, or put the two in front before the first training."
            )
        if len(set(self.words)) != self.size:
            seen = set()
            repeated = next(word for word in self.words if word in seen or seen.add(word))
            raise ValueError(
                f"A word list must not repeat a word. Received: {repeated!r} twice in {self.path}. Take the "
                f"file as it was written: a line taken out shifts the ids of all after it."
            )
        self._numbers = {word: number for number, word in enumerate(self.words)}

    @functools.cached_property
    def resources(self) -> tuple[Any]:
        """See `GraphTokenizer`."""
        import tensorflow as tf

        with tf.init_scope():  # the first to ask may be a graph, and the table is of all of them
            initializer = tf.lookup.KeyValueTensorInitializer(self.words, tf.range(self.size, dtype=tf.int32))
            return (tf.lookup.StaticHashTable(initializer, default_value=spec.UNKNOWN_ID),)

    def encode(self, sentences: Iterable[str], *, length: int) -> np.ndarray:
        """`tokenize` for a Python list of strings: int32 NumPy array [N, L]."""
        found = [word_rule.split_words(each, release=self.release)[:length] for each in sentences]
        ids = np.full((len(found), length), spec.PADDING_ID, np.int32)
        for row, words in zip(ids, found, strict=True):
            row[: len(words)] = [self._numbers.get(word, spec.UNKNOWN_ID) for word in words]
        return ids

    def tokenize(self, sentences: Tensor, *, length: int) -> Tensor:
        """See `vatt.protocols.Tokenizer`."""
        import tensorflow as tf

        if self.release:
            text = tf.strings.lower(tf.strings.regex_replace(sentences, word_rule.ASCII_PUNCTUATION, ""))
        else:
            text = tf.strings.unicode_transcode(sentences, "UTF-8", "UTF-8", errors="replace")
            text = tf.strings.regex_replace(text, word_rule.NUL, "")
            # Lower case first: some letters become two characters, the second of them a mark.
            text = tf.strings.regex_replace(
                tf.strings.lower(text, encoding="utf-8"), word_rule.PUNCTUATION, ""
            )
        text = tf.strings.regex_replace(text, word_rule.WHITE_SPACE, " ")
        (table,) = self.resources
        # Empty pieces appear where a sentence begins or ends with a space; splitting at white space drops
        # them.
        ids = tf.ragged.map_flat_values(table.lookup, tf.strings.split(text))
        return tokenizer.rows(ids, length=length)
