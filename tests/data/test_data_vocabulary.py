import json
import pathlib
import sys
import unicodedata

import numpy as np
import pytest
import tensorflow as tf

from vatt.data import vocabulary, words

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "tokenizer.json"


def write(path, word_list):
    path.write_text("\n".join(word_list) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def made(tmp_path):
    return vocabulary.Vocabulary(
        path=write(tmp_path / "v.txt", ["<pad>", "<unk>", "the", "cat", "dont", "café", "σπίτι"])
    )


def test_release_tokenizer_equals_the_original(tmp_path):
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    released = vocabulary.Vocabulary(path=write(tmp_path / "v.txt", golden["vocab"]), release=True)
    np.testing.assert_array_equal(released.encode(golden["sentences"], length=16), golden["ids"])


def test_unicode_words(made):
    sentences = ["The CAT!", "don't don’t", "CAFÉ\u00a0«cat»", "ΣΠΊΤΙ…", "", " ?! ", "cat cat cat cat dog"]
    expected = [[2, 3, 0, 0], [4, 4, 0, 0], [5, 3, 0, 0], [6, 0, 0, 0], [0] * 4, [0] * 4, [3, 3, 3, 3]]
    ids = made.encode(sentences, length=4)
    np.testing.assert_array_equal(ids, expected)
    assert ids.dtype == np.int32


def test_works_in_a_graph_and_with_an_unknown_word(made):
    function = tf.function(
        lambda text: made.tokenize(text, length=3), input_signature=[tf.TensorSpec([None], tf.string)]
    )
    np.testing.assert_array_equal(function(tf.constant(["the dog"])), [[2, 1, 0]])
    np.testing.assert_array_equal(function(tf.constant([], tf.string)), np.zeros((0, 3)))
    assert made.encode([], length=3).shape == (0, 3)


def test_a_caption_goes_on_after_nul(made):
    np.testing.assert_array_equal(made.encode(["the ca\x00t\x00 dont"], length=4), [[2, 3, 4, 0]])
    assert words.split_words("the ca\x00t\x00 dont") == ["the", "cat", "dont"]


def test_invalid_utf8_is_no_failure(made):
    np.testing.assert_array_equal(made.tokenize(tf.constant([b"cat \xff\xfe"]), length=3), [[3, 0, 0]])


@pytest.mark.parametrize("release", [False, True])
def test_the_python_rule_and_the_graph_rule_agree_on_all_of_unicode(tmp_path, release):
    # Left out: characters whose kind has changed since Unicode 3.2, because TensorFlow and each Python know
    # another version.
    characters = [
        chr(code)
        for code in range(sys.maxunicode + 1)
        if unicodedata.ucd_3_2_0.category(chr(code)) not in ("Cn", "Cs")
        and unicodedata.ucd_3_2_0.category(chr(code))[0] == unicodedata.category(chr(code))[0]
    ]
    characters = [character for character in characters if unicodedata.category(character) != "Co"]
    texts = [f"Ab{character}Cd e{character}" for character in characters]
    python = [words.split_words(text, release=release) for text in texts]
    word_list = ["<pad>", "<unk>", *sorted({word for split in python for word in split})]
    made = vocabulary.Vocabulary(path=write(tmp_path / "v.txt", word_list), release=release)
    ids = made.encode(texts, length=4)
    found = [[made.words[word] for word in row if word] for row in ids]
    different = [
        (texts[row], python[row], found[row]) for row in range(len(texts)) if python[row] != found[row]
    ]
    assert not different, (len(different), different[:5])


def test_bad_word_lists_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="word list"):
        vocabulary.Vocabulary(path=tmp_path / "none.txt")
    with pytest.raises(ValueError, match="first two words"):
        vocabulary.Vocabulary(path=write(tmp_path / "v.txt", ["the", "cat"]))
    with pytest.raises(ValueError, match="'cat' twice"):
        vocabulary.Vocabulary(path=write(tmp_path / "v.txt", ["<pad>", "<unk>", "cat", "dog", "cat"]))
