"""Word vectors from files of every format, aligned by word, in the table of a model."""

import gzip
import struct

import keras
import numpy as np
import pytest

from tests.small_models import small_vatt
from vatt.data.word_vectors import WordVectors
from vatt.layers.word_tokenizer import WordTokenizer

WORDS = ["<pad>", "<unk>", "the", "dont", "paris", "café", "zebra"]
WIDTH = 4
# As files have them: other cases, punctuation, words that nobody asked for, one word twice.
ROWS = ["Paris", "the", "Don't", "new york", "paris", "café", "THE", "dont's"]
VECTORS = np.random.default_rng(0).normal(size=(len(ROWS), WIDTH)).astype("float32")
# id -> row: "paris" spelt the same before "Paris", "the" before "THE", "dont" made of "Don't".
EXPECTED = {2: 1, 3: 2, 4: 4, 5: 5}


def text(header):
    lines = [f"{len(ROWS)} {WIDTH}"] if header else []
    lines += [f"{word} {' '.join(map(repr, vector.tolist()))}" for word, vector in zip(ROWS, VECTORS)]
    return ("\n".join(lines) + "\n").encode()


def binary(line_break):
    # The format ends a word at a space, so that no word holds one.
    rows = [
        word.replace(" ", "_").encode() + b" " + struct.pack("<4f", *vector)
        for word, vector in zip(ROWS, VECTORS)
    ]
    return f"{len(ROWS)} {WIDTH}\n".encode() + line_break.join(rows) + line_break


FILES = {
    "counts.vec": text(True),
    "glove.txt": text(False),
    "glove.txt.gz": gzip.compress(text(False)),
    "google.bin": binary(b""),
    "original.bin": binary(b"\n"),
    "google.bin.gz": gzip.compress(binary(b"")),
}


def write(path, words=WORDS):
    path.write_text("\n".join(words) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def vocabulary(tmp_path):
    return write(tmp_path / "vocabulary.txt")


@pytest.mark.parametrize("name", FILES)
def test_each_vector_goes_to_its_word(name, tmp_path, vocabulary):
    (tmp_path / name).write_bytes(FILES[name])
    table, coverage = WordVectors(path=tmp_path / name, vocabulary_file=vocabulary).table(9, WIDTH)
    assert table.dtype == np.float32
    for number, row in EXPECTED.items():
        np.testing.assert_array_equal(table[number], VECTORS[row])
    assert coverage.missing == ("zebra",) and coverage.found == 4
    assert "4 of 5 words (80.0%)" in str(coverage) and "zebra" in str(coverage)
    assert not table[[0, 7, 8]].any()  # padding, and rows of no word
    assert table[1].any() and table[6].any()


def test_the_releases_matrix_has_the_rows_of_the_vocabulary(tmp_path, vocabulary):
    matrix = np.arange(28, dtype="float64").reshape(7, 4)
    np.save(tmp_path / "m.npy", matrix)
    table, coverage = WordVectors(path=tmp_path / "m.npy", vocabulary_file=vocabulary).table(7, WIDTH)
    np.testing.assert_array_equal(table[1:], matrix[1:])  # "<unk>" has a vector of its own
    assert coverage.missing == () and not table[0].any()


def test_a_matrix_with_a_word_list(tmp_path, vocabulary):
    np.save(tmp_path / "m.npy", VECTORS.astype("float16"))
    made = WordVectors(
        path=tmp_path / "m.npy", vocabulary_file=vocabulary, rows_file=write(tmp_path / "rows.txt", ROWS)
    )
    np.testing.assert_array_equal(made((7, WIDTH))[4], VECTORS[4].astype("float16"))


def test_words_without_vectors(tmp_path):
    (tmp_path / "v.txt").write_bytes(text(False))
    many = ["<pad>", "<unk>", "the", *(f"word{number}" for number in range(300))]

    def table(words=many, seed=0):
        list_file = write(tmp_path / "words.txt", words)
        return WordVectors(path=tmp_path / "v.txt", vocabulary_file=list_file, seed=seed).table(400, WIDTH)[0]

    np.testing.assert_array_equal(table(), table())
    moved = [*many[:3], *reversed(many[3:])]
    np.testing.assert_array_equal(table(moved)[3:303], table()[302:2:-1])  # wherever the word stands
    assert (table(seed=1)[3:303] != table()[3:303]).all()
    lengths = np.linalg.norm(table()[3:303], axis=1)
    assert np.sqrt(np.mean(lengths**2)) == pytest.approx(np.linalg.norm(VECTORS[1]), rel=0.1)


def test_in_a_model(tmp_path, vocabulary):
    (tmp_path / "v.txt").write_bytes(text(True))
    vectors = WordVectors(path=tmp_path / "v.txt", vocabulary_file=vocabulary)
    model = small_vatt(vocabulary_size=9, table_width=WIDTH, train_table=False, word_vectors=vectors)
    np.testing.assert_array_equal(model.text.tokenizer.table.embeddings[3], VECTORS[2])
    model.save(tmp_path / "model.keras")
    (tmp_path / "v.txt").unlink()  # what is saved needs it no more
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        again.text.tokenizer.table.embeddings, model.text.tokenizer.table.embeddings
    )


def test_the_table_must_fit(tmp_path, vocabulary):
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
        vectors = WordVectors(path=tmp_path / name, vocabulary_file=vocabulary)
        with pytest.raises(ValueError, match="vectors of 4. Set `table_width`"):
            WordTokenizer(vocabulary_size=9, word_vectors=vectors).build(8)
    with pytest.raises(ValueError, match="Received: 5 rows, .* 7 words"):
        vectors((5, WIDTH))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("cut.bin", FILES["google.bin"][:-5], "ends in row 7 of 8"),
        ("empty.bin", b"", "first line must be two numbers"),
        ("cut.txt.gz", FILES["glove.txt.gz"][:-20], "must be whole"),
        ("none.txt.gz", b"the 1 2 3 4", "must be whole"),
        ("cut.txt", FILES["glove.txt"][:-60], "numbers instead of 4"),
        ("words.txt", b"the 1 2 3 4\ndont 1 2 x 4\n", "line 2: .*'x'"),
        ("other.txt", b"le 1 2 3 4\n", "Some word of the vocabulary"),
        ("m.npy", b"\x80\x04pickle", "must be whole"),
    ],
)
def test_bad_files_are_refused(name, content, words, tmp_path, vocabulary):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=words):
        WordVectors(path=tmp_path / name, vocabulary_file=vocabulary).table(9, WIDTH)


def test_a_matrix_of_objects_runs_nothing(tmp_path, vocabulary):
    np.save(tmp_path / "m.npy", np.array([[object()]]), allow_pickle=True)
    with pytest.raises(ValueError, match="must be whole"):
        WordVectors(path=tmp_path / "m.npy", vocabulary_file=vocabulary).table(9, WIDTH)


def test_bad_arguments_are_refused(tmp_path, vocabulary):
    with pytest.raises(FileNotFoundError, match="must exist. There is no .*none.bin"):
        WordVectors(path=tmp_path / "none.bin", vocabulary_file=vocabulary)
    (tmp_path / "v.txt").write_bytes(text(True))
    with pytest.raises(ValueError, match="`rows_file` names the rows of a matrix"):
        WordVectors(path=tmp_path / "v.txt", vocabulary_file=vocabulary, rows_file=vocabulary)
    np.save(tmp_path / "m.npy", VECTORS)
    with pytest.raises(ValueError, match="a row for each of its 7 words"):
        WordVectors(path=tmp_path / "m.npy", vocabulary_file=vocabulary)((9, WIDTH))
