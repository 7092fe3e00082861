"""SentencePiece ids: those of the sentencepiece library, cut, ended and padded."""

import json
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.goldens import GOLDEN

MODEL = GOLDEN / "t5_pieces.model"
pytest.importorskip("tensorflow_text", reason="SentencePiece ids need tensorflow-text")

from vatt.data.sentencepiece import SentencePiece  # noqa: E402 (after the skip)
from vatt.errors import RunError  # noqa: E402


def test_ids_are_the_librarys():
    wanted = json.loads((GOLDEN / "t5_pieces.json").read_text())
    tokenizer = SentencePiece(path=MODEL)
    for sentence, ids in wanted.items():
        got = tokenizer.encode([sentence], length=64)[0]
        if not sentence:
            ids = []  # the library ends even nothing
        np.testing.assert_array_equal(got, ids + [0] * (64 - len(ids)))
    assert tokenizer.size > max(max(ids) for ids in wanted.values())


def test_a_long_sentence_still_ends():
    tokenizer = SentencePiece(path=MODEL)
    whole = tokenizer.encode(["she cuts the bread"], length=64)[0]
    cut = tokenizer.encode(["she cuts the bread"], length=4)[0]
    assert cut.dtype == np.int32 and cut[-1] == 1
    np.testing.assert_array_equal(cut[:3], whole[:3])
    bare = SentencePiece(path=MODEL, end_sentences=False).encode(["she cuts the bread"], length=4)[0]
    np.testing.assert_array_equal(bare, whole[:4])


def test_in_a_graph():
    tokenizer = SentencePiece(path=MODEL)
    sentences = ["she cuts the bread", "", "the door"]
    dataset = tf.data.Dataset.from_tensors(sentences).map(lambda text: tokenizer.tokenize(text, length=12))
    ids = next(iter(dataset))
    assert ids.shape == (3, 12) and ids.dtype == tf.int32
    np.testing.assert_array_equal(ids, tokenizer.encode(sentences, length=12))


def test_what_is_no_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="spiece.model"):
        SentencePiece(path=tmp_path / "none.model")
    (tmp_path / "cut.model").write_bytes(MODEL.read_bytes()[:100])
    with pytest.raises(ValueError, match="must be whole"):
        SentencePiece(path=tmp_path / "cut.model")


def test_without_its_package_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorflow_text", None)
    with pytest.raises(RunError, match=r"pip install 'vatt\[text\]'"):
        SentencePiece(path=tmp_path / "spiece.model")
