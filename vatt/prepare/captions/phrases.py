"""Joins the single words of a transcript to phrases: a caption is something that is said, not a word."""

import re
from collections.abc import Iterator, Sequence

from vatt.prepare.captions.caption import Caption

_PAUSE_SECONDS = 0.7
_MOST_WORDS = 16  # what the paper reads of a caption
_WORD_SECONDS = 1.0  # on average; sentences of languages without blanks are one "word" and longer
_LEAST_WORDS = 4
_WITHOUT_BLANKS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff]"
)  # Thai, Burmese, kana …
_END_OF_SENTENCE = tuple(".?!…。？！")


def are_words(captions: Sequence[Caption]) -> bool:
    """Whether the entries of a transcript are single words."""
    if len(captions) < _LEAST_WORDS or any(len(text.split()) > 1 for _, _, text in captions):
        return False
    return sum(end - start for start, end, _ in captions) <= _WORD_SECONDS * len(captions)


def phrases(words: Sequence[Caption]) -> Iterator[Caption]:
    """Phrases of words without a pause, of at most 16, that end where a sentence does."""
    has_blanks = any(text[:1].isspace() or text[-1:].isspace() for _, _, text in words)
    gathered: list[Caption] = []
    for word in words:
        if gathered and not _goes_on(gathered, word):
            yield _joined(gathered, has_blanks)
            gathered = []
        gathered.append(word)
    if gathered:
        yield _joined(gathered, has_blanks)


def _goes_on(gathered: list[Caption], word: Caption) -> bool:
    _, last_end, last_text = gathered[-1]
    # A word that runs backwards is counted for itself.
    is_valid = gathered[-1][0] <= last_end <= word[0] + _PAUSE_SECONDS and word[0] <= word[1]
    is_near = word[0] - last_end <= _PAUSE_SECONDS
    is_over = len(gathered) >= _MOST_WORDS or last_text.rstrip().endswith(_END_OF_SENTENCE)
    return is_valid and is_near and not is_over


def _joined(words: list[Caption], has_blanks: bool) -> Caption:
    texts = [text for _, _, text in words]
    blank = "" if has_blanks or all(_WITHOUT_BLANKS.search(text) for text in texts) else " "
    return words[0][0], words[-1][1], blank.join(texts)
