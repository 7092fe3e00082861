"""Sentences and word lists that do not fit each other."""

import numpy as np
import pytest

from tests.toy_embedder import ToyTokenizer
from vatt.embed.inputs import unknown_words, word_ids


class NoWords(ToyTokenizer):
    """Of a set without captions."""

    words = ("<pad>", "<unk>")
    size = 2

    def encode(self, sentences, *, length):
        return np.ones((len(sentences), length), np.int32)


def test_unknown_words_are_named_once_and_in_order():
    assert unknown_words("a red dog and a Blue cat", ToyTokenizer()) == ["a", "dog", "and", "cat"]
    assert unknown_words("", ToyTokenizer()) == []


def test_a_model_that_learnt_no_word():
    with pytest.raises(ValueError, match="whose clips had no captions. Search with a video"):
        word_ids(["a red disc"], NoWords(), words=4)
    with pytest.raises(ValueError, match="at least one of the 5 words"):
        word_ids(["a disc"], ToyTokenizer(), words=4)
