"""What a model takes, written as plain values and read again: clip, each kind of tokenizer, classes."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.records_fixture import VOCABULARY
from vatt.data.description import describe_inputs, read_inputs
from vatt.data.sentencepiece import SentencePiece
from vatt.data.vocabulary import Vocabulary
from vatt.data.wordpiece import WordPiece
from vatt.spec import ClipSpec

GOLDEN = Path(__file__).parents[1] / "golden"
SENTENCES = ["the red disc", "Don't stop: a STAR!", ""]


def vocabulary(folder):
    path = folder / "words.txt"
    path.write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    return Vocabulary(path=path, release=True)


def wordpiece(folder):
    path = folder / "vocab.txt"
    path.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "red", "##s"]) + "\n")
    return WordPiece(path=path, lower_case=False, mark_sentences=True)


def sentencepiece(_):
    return SentencePiece(path=GOLDEN / "t5_pieces.model", end_sentences=False)


@pytest.mark.parametrize("make", [vocabulary, wordpiece, sentencepiece])
def test_there_and_back(make, tmp_path):
    tokenizer = make(tmp_path)
    clip = ClipSpec(frames=7, audio_seconds=1.5, modalities=("video", "text"))
    facts = json.loads(json.dumps(describe_inputs(clip, tokenizer, ("disc", "star"))))
    for path in tmp_path.iterdir():
        path.unlink()  # the facts are enough
    again_clip, again, labels = read_inputs(facts, source="a test")
    assert (again_clip, labels) == (clip, ("disc", "star"))
    assert type(again) is type(tokenizer) and again.words == tokenizer.words
    np.testing.assert_array_equal(again.encode(SENTENCES, length=5), tokenizer.encode(SENTENCES, length=5))


def test_a_tokenizer_of_the_user_s_own_is_not_described():
    facts = describe_inputs(ClipSpec(), object())
    assert facts["tokenizer"] is None and read_inputs(facts, source="a test")[1] is None


@pytest.mark.parametrize(
    "change", [{"version": 9}, {"clip": {"frames": 0}}, {"clip": {"smell": 1}}, {"tokenizer": {"kind": "x"}}]
)
def test_what_is_none(change):
    facts = describe_inputs(ClipSpec(), None) | change
    with pytest.raises(ValueError, match="must be what training wrote .*Received: inputs.json"):
        read_inputs(facts, source="inputs.json")


def test_nothing_at_all():
    with pytest.raises(ValueError, match="must be what training wrote"):
        read_inputs([], source="inputs.json")
