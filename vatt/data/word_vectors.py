"""Word vectors trained elsewhere (word2vec, GloVe, fastText) as the first values of a model's word table.

Rows are found by word, not by number: each vector goes to the id that the vocabulary gives its word.
"""

import dataclasses
import logging
import os
import pathlib
import zlib
from collections.abc import Sequence
from typing import Any

import gin
import numpy as np

from vatt import spec
from vatt.data import vector_files
from vatt.data import words as word_rule

_log = logging.getLogger(__name__)

_SHOWN = 10  # missing words that the log names


@dataclasses.dataclass(frozen=True)
class Coverage:
    """Words of a vocabulary, without padding and "<unk>", that a file of vectors has and has not."""

    found: int  # how many it has
    missing: tuple[str, ...]  # the others, by id

    def __str__(self):
        total = self.found + len(self.missing)
        text = f"{self.found:,} of {total:,} words ({self.found / max(total, 1):.1%}) have vectors"
        if self.missing:
            text += f"; among those without: {', '.join(self.missing[:_SHOWN])}"
        return text


@gin.register
class WordVectors:
    """A Keras initializer of the word table: `WordTokenizer.word_vectors = @WordVectors()`.

    A vector goes to the word that is spelt the same, else to the one that the vocabulary's rule makes of its
    own ("Don't" → "dont"); of several the first, which in such files is the most frequent. Words without a
    vector get random ones of the others' average length (as in Kim 2014), each a function of the seed and the
    word. Padding, and rows that the vocabulary does not use, are zeros.

    Args:
        path: the vectors, in a format of `vector_files.read_vectors`.
        vocabulary_file: the word list that captions are read with, see `Vocabulary`.
        rows_file: words of the rows of a matrix (.npy), one a line; None: its rows are those of
            `vocabulary_file`, as the release's are.
        release: whether that list was made by the release's rule, see `Vocabulary`.
        seed: of the words without a vector.

    Call: (rows, width), the table's shape -> float32 array of it.
    """

    def __init__(
        self,
        *,
        path: str | os.PathLike[str],
        vocabulary_file: str | os.PathLike[str],
        rows_file: str | os.PathLike[str] | None = None,
        release: bool = False,
        seed: int = 0,
    ):
        self.path = pathlib.Path(path)
        self.vocabulary_file = pathlib.Path(vocabulary_file)
        self.rows_file = None if rows_file is None else pathlib.Path(rows_file)
        self.release = release
        self.seed = seed
        for file in filter(None, (self.path, self.vocabulary_file, self.rows_file)):
            if not file.is_file():
                raise FileNotFoundError(
                    f"Word vectors and their word lists must exist. There is no {file}. Give their paths as "
                    f"`path`, `vocabulary_file` and `rows_file` of `WordVectors`."
                )
        if self.rows_file is not None and self.path.suffix != ".npy":
            raise ValueError(
                f"`rows_file` names the rows of a matrix (.npy). Received: rows_file={self.rows_file} for "
                f"{self.path}, which names its rows itself. Leave it out."
            )

    def __call__(self, shape: Sequence[int], dtype: Any = "float32") -> np.ndarray:
        table, coverage = self.table(*shape)
        _log.info("%s: %s.", self.path, coverage)
        return table.astype(dtype or "float32")

    def table(self, rows: int, width: int) -> tuple[np.ndarray, Coverage]:
        """The table, float32 [rows, width], and how much of the vocabulary the file covers."""
        words = _lines(self.vocabulary_file)
        if len(words) > rows:
            raise ValueError(
                f"The table must have a row for every word. Received: {rows} rows, but "
                f"{self.vocabulary_file} has {len(words)} words. Raise `vocabulary_size` to that, or cut the "
                f"file."
            )
        vectors = self._aligned(words, width)
        missing = [number for number in range(spec.UNKNOWN_ID + 1, len(words)) if number not in vectors]
        found = len(vectors.keys() - {spec.PADDING_ID, spec.UNKNOWN_ID})
        if not found:
            raise ValueError(
                f"Some word of the vocabulary must have a vector. Received: none of {self.vocabulary_file} "
                f"in {self.path}. Are they of one language?"
            )
        table = np.zeros((rows, width), "float32")
        for number, vector in vectors.items():
            table[number] = vector
        length = np.linalg.norm(table, axis=1).sum() / len(vectors)
        unknown = () if spec.UNKNOWN_ID in vectors else (spec.UNKNOWN_ID,)
        for number in (*unknown, *missing):
            drawn = np.random.default_rng([self.seed, zlib.crc32(words[number].encode())])
            table[number] = drawn.standard_normal(width) * (length / np.sqrt(width))
        table[spec.PADDING_ID] = 0
        return table, Coverage(found=found, missing=tuple(words[number] for number in missing))

    def _aligned(self, words, width) -> dict[int, np.ndarray]:
        """Id -> vector."""
        ids = {word: number for number, word in enumerate(words)}

        def made(word):
            """Id of the one word that the rule makes of it, or None."""
            parts = word_rule.split_words(word, release=self.release)
            return ids.get(parts[0]) if len(parts) == 1 else None

        row_words = words if self.rows_file is None else _lines(self.rows_file)
        found = vector_files.read_vectors(
            self.path,
            width=width,
            is_wanted=lambda word: word in ids or made(word) is not None,
            row_words=row_words,
        )
        same, similar = {}, {}
        for word, vector in found:
            if word in ids:
                same.setdefault(ids[word], vector)
            else:
                similar.setdefault(made(word), vector)
        return similar | same


def _lines(path):
    # Not `splitlines`: some words hold what Python takes for the end of a line.
    return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
