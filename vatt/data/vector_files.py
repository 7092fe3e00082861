"""Files of word vectors, row by row: word2vec's two formats, GloVe's and fastText's text, NumPy matrices.

No pickles, in which some publish theirs: a pickle is a program.
"""

import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from vatt.files.array_file import ArrayFileError, read_npy

_BLOCK_BYTES = 1 << 20
_LONGEST_WORD_BYTES = 1 << 16


def read_vectors(
    path: Path, *, width: int, is_wanted: Callable[[str], bool], row_words: Sequence[str] = ()
) -> Iterator[tuple[str, np.ndarray]]:
    """The vectors of those words that are wanted, in the order of the file.

    Args:
        path: word2vec's binary format (.bin) or text (any other name), with or without the line of counts,
            either also compressed (.gz); or a matrix of NumPy, [rows, width] (.npy).
        width: numbers of a vector, which the file must have.
        is_wanted: function from a word to bool; vectors of other words are skipped unread.
        row_words: the words of the rows of a matrix, which does not name them.

    Yields:
        Word and vector, float32 [width].
    """
    if path.suffix == ".npy":
        yield from _read_matrix(path, width, is_wanted, row_words)
        return
    read = _read_binary if path.name.removesuffix(".gz").endswith(".bin") else _read_text
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as file:
        try:
            yield from read(path, file, width, is_wanted)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise _damaged(path, str(error)) from error


def _read_matrix(path, width, is_wanted, row_words):
    try:
        matrix = read_npy(path, is_mapped=True)
    except ArrayFileError as error:
        raise _damaged(path, error.problem) from error
    if matrix.ndim != 2 or len(matrix) != len(row_words):
        raise ValueError(
            f"A matrix of word vectors must have a row for each of its {len(row_words)} words. Received: "
            f"shape {matrix.shape} in {path}. Give the word list that it was made with (`rows_file`)."
        )
    _check_width(path, matrix.shape[1], width)
    for word, row in zip(row_words, matrix, strict=True):
        if is_wanted(word):
            yield word, np.asarray(row, "float32")


def _read_text(path, file, width, is_wanted):
    for number, line in enumerate(file, start=1):
        line = line.rstrip(b" \r\n")
        if number == 1:
            fields = line.split()
            if len(fields) == 2:  # the line of counts; a vector of one number is none
                _check_width(path, _counts(path, line)[1], width)
                continue
            _check_width(path, len(fields) - 1, width)
        word, *numbers = line.rsplit(b" ", width)  # from the right: GloVe has words with spaces
        if len(numbers) != width:
            raise _damaged(path, f"line {number} has {len(numbers)} numbers instead of {width}")
        word = word.decode("utf-8", errors="replace")
        if is_wanted(word):
            try:
                yield word, np.array(numbers, "float32")
            except ValueError as error:
                raise _damaged(path, f"line {number}: {error}") from error


def _read_binary(path, file, width, is_wanted):
    rows, found_width = _counts(path, file.readline(_LONGEST_WORD_BYTES))
    _check_width(path, found_width, width)
    buffer, at, vector_bytes = b"", 0, 4 * width
    for number in range(rows):
        while (space := buffer.find(b" ", at)) < 0 or len(buffer) <= space + vector_bytes:
            block = file.read(_BLOCK_BYTES)
            if not block or (space < 0 and len(buffer) - at > _LONGEST_WORD_BYTES):
                raise _damaged(path, f"it ends in row {number} of {rows}")
            buffer, at = buffer[at:] + block, 0
        # word2vec itself ends each vector with a line break, others do not.
        word = buffer[at:space].lstrip(b"\n").decode("utf-8", errors="replace")
        at = space + 1 + vector_bytes
        if is_wanted(word):
            yield word, np.frombuffer(buffer, "<f4", count=width, offset=space + 1).astype("float32")


def _counts(path, line):
    """Rows and width of a first line."""
    try:
        rows, width = (int(field) for field in line.split())
    except ValueError:
        raise _damaged(path, "its first line must be two numbers, rows and width") from None
    return rows, width


def _check_width(path, found, wanted):
    if found != wanted:
        raise ValueError(
            f"The word table must be as wide as the vectors. Received: a table of width {wanted}, but {path} "
            f"has vectors of {found}. Set `table_width` to that."
        )


def _damaged(path, reason):
    return ValueError(
        f"A file of word vectors must be whole. Received: {path}: {reason}. Binary files end in .bin, "
        f"matrices in .npy, all others are read as text; copy it again, or rename it."
    )
