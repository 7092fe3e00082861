"""WordPiece ids: cases worked by hand, and those of BERT's own tokenizer on all of Unicode."""

import string
import unicodedata

import gin
import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("tensorflow_text", reason="WordPiece ids need tensorflow-text")

from vatt.data.wordpiece import WordPiece  # noqa: E402 (after the skip)

SPECIAL = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = [*SPECIAL, "the", "cut", "##ting", "un", "##cut", "bread", "cafe", "!", "'", "t", "don", "中", "Cut"]
PAD, _, UNK, CLS, SEP, _, THE, CUT, TING, UN, CUT_IN, BREAD, CAFE, BANG, QUOTE, T, DON, ZHONG, CUT_CAPITAL = (
    range(len(PIECES))
)


def write(path, pieces):
    path.write_text("\n".join(pieces) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "vocab.txt", PIECES)


@pytest.mark.parametrize(
    ("sentence", "ids"),
    [
        ("The cutting", [THE, CUT, TING]),
        ("uncut bread!", [UN, CUT_IN, BREAD, BANG]),
        ("uncutable bread", [UNK, BREAD]),  # one piece missing, and the whole word is unknown
        ("CAFÉ cafe\u0301", [CAFE, CAFE]),
        ("don't", [DON, QUOTE, T]),
        ("中中bread", [ZHONG, ZHONG, BREAD]),
        ("bre\u00adad\u200b the\x00", [BREAD, THE]),  # what cannot be seen is deleted
        ("bread\tthe\ncut\u00a0the", [BREAD, THE, CUT, THE]),
        ("[PAD] [SEP]", [UNK] * 6),  # a caption cannot spell a mark
        ("t" * 101, [UNK]),
        ("", []),
        ("  ", []),
    ],
)
def test_by_hand(path, sentence, ids):
    got = WordPiece(path=path).encode([sentence], length=8)
    assert got.dtype == np.int32
    np.testing.assert_array_equal(got, [ids + [PAD] * (8 - len(ids))])


def test_a_cased_vocabulary(path):
    tokenizer = WordPiece(path=path, lower_case=False)
    np.testing.assert_array_equal(
        tokenizer.encode(["Cut cut The café"], length=5), [[CUT_CAPITAL, CUT, UNK, UNK, PAD]]
    )
    assert tokenizer.size == len(PIECES) and tokenizer.words == PIECES


def test_marks(path):
    tokenizer = WordPiece(path=path, mark_sentences=True)
    sentences = ["the bread", "", "cutting the bread"]
    expected = [[CLS, THE, BREAD, SEP, PAD], [PAD] * 5, [CLS, CUT, TING, THE, SEP]]
    np.testing.assert_array_equal(tokenizer.encode(sentences, length=5), expected)


def test_in_a_graph_with_no_sentences_and_with_invalid_bytes(path):
    tokenizer = WordPiece(path=path, mark_sentences=True)
    function = tf.function(
        lambda text: tokenizer.tokenize(text, length=4), input_signature=[tf.TensorSpec([None], tf.string)]
    )
    np.testing.assert_array_equal(
        function(tf.constant([b"the \xff\xfe", b"cut"])), [[CLS, THE, SEP, PAD], [CLS, CUT, SEP, PAD]]
    )
    assert function(tf.constant([], tf.string)).shape == (0, 4)


@pytest.mark.parametrize("lower_case", [True, False])
def test_ids_are_berts_on_all_of_unicode(tmp_path, lower_case):
    transformers = pytest.importorskip(
        "transformers", reason="`pip install transformers` to compare with BERT's"
    )
    letters = string.ascii_letters + string.digits
    pieces = [
        *SPECIAL,
        *letters,
        *string.punctuation,
        *(f"##{letter}" for letter in letters),
        "é",
        "##é",
        "中",
    ]
    path = write(tmp_path / "vocab.txt", pieces)
    # As for the words of `Vocabulary`: without what has changed its kind since Unicode 3.2.
    characters = [
        chr(code)
        for code in (
            *range(1, 0x3100),
            *range(0x4DFE, 0x4E10),
            *range(0xF900, 0x10000),
            *range(0x1F300, 0x1F700),
        )
        if unicodedata.category(chr(code))
        == unicodedata.ucd_3_2_0.category(chr(code))
        not in ("Cn", "Cs", "Co")
    ]
    texts = [f"Ab{character}Cut e{character}" for character in characters] + [
        "a" * 100,
        "don't cut! ÉÀ中文 x",
    ]
    theirs = transformers.BertTokenizer(str(path), do_lower_case=lower_case)
    wanted = theirs(texts, add_special_tokens=False)["input_ids"]
    got = WordPiece(path=path, lower_case=lower_case).encode(texts, length=128)
    different = [
        (ascii(text), row[row > 0].tolist(), ids)
        for text, row, ids in zip(texts, got, wanted, strict=True)
        if row[row > 0].tolist() != ids
    ]
    assert not different, (len(different), different[:5])


def test_bad_vocabularies_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="vocab.txt"):
        WordPiece(path=tmp_path / "none.txt")
    for pieces in (PIECES[1:], ["[PAD]", "the"]):
        with pytest.raises(ValueError, match=r"must begin with \[PAD\]"):
            WordPiece(path=write(tmp_path / "v.txt", pieces))
    with pytest.raises(ValueError, match=r"\[CLS\], \[SEP\] missing"):
        WordPiece(path=write(tmp_path / "v.txt", ["[PAD]", "[UNK]", "the"]), mark_sentences=True)
    with pytest.raises(ValueError, match="'the' twice"):
        WordPiece(path=write(tmp_path / "v.txt", [*PIECES, "the"]))


def test_gin_builds_it(path):
    gin.parse_config(f"WordPiece.path = '{path}'\nWordPiece.mark_sentences = True")
    assert gin.get_configurable(WordPiece)().encode(["the"], length=3).tolist() == [[CLS, THE, SEP]]
