"""Which tokenizer reads the captions of a prepared set."""

import dataclasses
import os
import pathlib

import gin

from vatt.data.vocabulary import Vocabulary
from vatt.protocols import Tokenizer


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class Captions:
    """How captions become word ids.

    Args:
        tokenizer: reads them; None is a `Vocabulary` of `vocabulary_file`.
        vocabulary_file: word list; None is the set's own. Another one is that of a model that was trained on
            other sets.
        vocabulary_size: word ids that the model has, which a larger word list exceeds; None is "as many as
            the set".
        release_tokenizer: split captions into words as the released VATT does (ASCII rules only).
    """

    tokenizer: Tokenizer | None = None
    vocabulary_file: str | os.PathLike | None = None
    vocabulary_size: int | None = None
    release_tokenizer: bool = False

    def __post_init__(self):
        if self.tokenizer is not None and (self.vocabulary_file is not None or self.release_tokenizer):
            raise ValueError(
                "A tokenizer has words of its own. Received: `tokenizer` and also `vocabulary_file` or "
                "`release_tokenizer`. Give one or the other."
            )

    def tokenizer_of(self, word_list: pathlib.Path) -> Tokenizer:
        """The tokenizer of a set that has this word list."""
        chosen = self.tokenizer or Vocabulary(
            path=self.vocabulary_file or word_list, release=self.release_tokenizer
        )
        if self.vocabulary_size is not None and chosen.size > self.vocabulary_size:
            place = getattr(chosen, "path", "the tokenizer")
            raise ValueError(
                f"The model must have an id for every word of the set. Received: vocabulary_size="
                f"{self.vocabulary_size}, but {place} has {chosen.size} words. Raise `vocabulary_size` to "
                "that, or cut the file."
            )
        return chosen
