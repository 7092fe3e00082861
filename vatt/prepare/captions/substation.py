"""SubStation Alpha and its advanced form, read by pysubs2 from the lines that are shown."""

import re
import warnings
from collections.abc import Iterator

import pysubs2
from pysubs2.exceptions import Pysubs2Error

from vatt.prepare.captions.caption import Caption
from vatt.prepare.captions.cue import MAX_CUES, lines_of
from vatt.prepare.captions.markup import plain_text
from vatt.prepare.captions.notes import NO_TEXT, NO_TIME, TOO_MANY, Notes

_EVENT = re.compile(r"\s*Dialogue:")
# Of a line: the library looks for overrides in a time that grows with the square of their number.
_MOST_CHARACTERS, _MOST_OVERRIDES = 10_000, 100
_TOO_LONG = f"cues of more than {_MOST_CHARACTERS:,} characters or {_MOST_OVERRIDES} overrides, left out"


def is_substation(text: str) -> bool:
    """Whether a text begins as SubStation does."""
    return text.lstrip().startswith("[Script Info]")


def read_substation(text: str, notes: Notes, *, is_advanced: bool) -> Iterator[Caption]:
    """The captions of a file, of ASS or else of SSA; comments are none, and drawings are counted."""
    shown = [line for line in lines_of(text) if _EVENT.match(line)]
    short = [line for line in shown if len(line) <= _MOST_CHARACTERS and line.count("{") <= _MOST_OVERRIDES]
    notes.lose(_TOO_LONG, len(shown) - len(short))
    notes.lose(TOO_MANY, max(0, len(short) - MAX_CUES))
    short = short[:MAX_CUES]
    for event in _events(short, "ass" if is_advanced else "ssa", notes):
        words = "" if event.is_drawing else plain_text(event.plaintext, any_tag=False)
        if words:
            yield event.start / 1000, event.end / 1000, words
        else:
            notes.lose("drawings, left out" if event.is_drawing else NO_TEXT)


def _events(lines: list[str], form: str, notes: Notes) -> Iterator[pysubs2.SSAEvent]:
    """The events of all lines; a line that the library can not read is counted and left out."""
    try:
        yield from _parsed(lines, form)
    except _DAMAGE:
        for line in lines:
            try:
                yield from _parsed([line], form)
            except _DAMAGE:
                notes.lose(NO_TIME)


# Times beyond all bounds overflow, and the library looks up what damaged lines do not have.
_DAMAGE = (ValueError, TypeError, ArithmeticError, LookupError, Pysubs2Error)


def _parsed(lines: list[str], form: str) -> list[pysubs2.SSAEvent]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(pysubs2.SSAFile.from_string("\n".join(["[Events]", *lines]), format_=form))
