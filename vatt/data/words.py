"""What a word is: the rule that cuts a caption into words, as plain Python.

`vatt.data.vocabulary` states the same rule in TensorFlow string ops, from the same constants; preparation
counts words with this one, because its workers import no TensorFlow. A test keeps the two equal.
"""

import functools
import re
import string
import unicodedata

# Unicode white space (the set of `str.isspace`), as an RE2 class: ASCII's, NEL, and the separator categories.
WHITE_SPACE = r"[\t-\r\x1c-\x20\x{85}\p{Z}]+"
# Punctuation and symbols of every script; deleted, so that "don't" is "dont", as in the released word list.
PUNCTUATION = r"[\p{P}\p{S}]+"
ASCII_PUNCTUATION = r"[!-/:-@\[-`{-~]+"
NUL = "\x00"  # deleted with it: to TensorFlow's Unicode ops a text ends there

_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_ASCII_PUNCTUATION = re.compile(ASCII_PUNCTUATION)


@functools.lru_cache(maxsize=65_536)
def _is_punctuation(character):
    return unicodedata.category(character)[0] in "PS"


def split_words(text: str, *, release: bool = False) -> list[str]:
    """Words of a caption in their order; none for a text of white space and punctuation. With `release` it is
    cut exactly as the released tokenizer does: only ASCII punctuation is deleted and only ASCII letters
    become lower case.
    """
    if release:
        return _ASCII_PUNCTUATION.sub("", text).translate(_ASCII_LOWER).split()
    text = text.replace(NUL, "").lower()
    return "".join(character for character in text if not _is_punctuation(character)).split()
