"""Words to ids: a word list and the tokenizer over it, in plain TensorFlow string ops.

Because it uses nothing but TensorFlow's own ops, a model exported with its tokenizer inside needs no further
library.
"""

import os
import pathlib

import gin
import tensorflow as tf

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
        initializer = tf.lookup.KeyValueTensorInitializer(self.words, tf.range(self.size, dtype=tf.int32))
        self._ids = tf.lookup.StaticHashTable(initializer, default_value=spec.UNKNOWN_ID)
        self.resources = (self._ids,)

    def tokenize(self, sentences: Tensor, *, length: int) -> Tensor:
        """See `vatt.protocols.Tokenizer`."""
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
        # Empty pieces appear where a sentence begins or ends with a space; splitting at white space drops
        # them.
        ids = tf.ragged.map_flat_values(self._ids.lookup, tf.strings.split(text))
        return tokenizer.rows(ids, length=length)
