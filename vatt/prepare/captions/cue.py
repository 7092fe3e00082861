"""What SubRip and WebVTT share: lines, times, and cues that become captions."""

import dataclasses
import itertools
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

from vatt.prepare.captions.caption import Caption
from vatt.prepare.captions.markup import plain_text
from vatt.prepare.captions.notes import NO_TEXT, TOO_MANY, Notes

_LINE_END = re.compile(r"\r\n|\r|\n")  # no others: U+2028, U+0085, VT and FF are characters of a line
# [hours:]minutes:seconds[.fraction], also with a comma, and with blanks that some programs put between.
_NUMBER, _COLON, _POINT = r"([0-9]{1,9})", r"[ \t]{0,2}:[ \t]{0,2}", r"[ \t]{0,2}[.,][ \t]{0,2}"
_CLOCK = rf"(-?)(?:{_NUMBER}{_COLON})?{_NUMBER}{_COLON}{_NUMBER}(?:{_POINT}{_NUMBER})?"
_ONE_CLOCK = re.compile(_CLOCK)
_TIMING = re.compile(rf"[ \t]*{_CLOCK}[ \t]*--?>[ \t]*{_CLOCK}(?![0-9])")
_ARROW = "-->"
MAX_CUES = 100_000  # words of ten hours, one by one


@dataclasses.dataclass(frozen=True)
class Cue:
    """A cue as it is written."""

    # in seconds
    start: float
    end: float
    lines: tuple[str, ...]  # of its text, with markup


def lines_of(text: str) -> list[str]:
    """The lines of a text, as both grammars end them."""
    return _LINE_END.split(text)


def clock_seconds(text: str) -> float | None:
    """Seconds of a time such as 00:01:02.500; None: it is none."""
    match = _ONE_CLOCK.fullmatch(text)
    return _seconds(*match.groups()) if match else None


def seconds_of(value: Any, units: int = 1) -> float | None:
    """Seconds of a number, or of a text such as "1.5" or "00:00:01,500"; None: it is no time."""
    if isinstance(value, str):
        value = value.strip().removesuffix("s")
        clock = clock_seconds(value)
        if clock is not None:
            return clock
        value = value if len(value) <= 20 else None
    try:
        seconds = math.nan if value is None or isinstance(value, bool) else float(value) / units
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) else None


def timing_of(line: str) -> tuple[float, float] | None:
    """(start, end) of a line such as `00:00:01,000 --> 00:00:02,000`; None: it is none."""
    match = _TIMING.match(line) if "->" in line else None
    if match is None:
        return None
    groups = match.groups()
    return _seconds(*groups[:5]), _seconds(*groups[5:])


def _seconds(sign: str, hours: str | None, minutes: str, seconds: str, fraction: str | None) -> float:
    """Seconds, rounded once."""
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    parts = 10 ** len(fraction or "")
    total = (whole * parts + int(fraction or 0)) / parts
    return -total if sign else total


def has_arrow(line: str) -> bool:
    """Whether a line is one of times, readable or not."""
    return _ARROW in line or timing_of(line) is not None


def first_cues(cues: Iterable[Cue], notes: Notes) -> list[Cue]:
    """As many cues as a file may have; the others are counted, before they cost more time."""
    cues = iter(cues)
    kept = list(itertools.islice(cues, MAX_CUES))
    notes.lose(TOO_MANY, sum(1 for _ in cues))
    return kept


def captions_of(cues: Iterable[Cue], notes: Notes, *, any_tag: bool) -> Iterator[Caption]:
    """The captions of cues; those without text are counted. `any_tag` as in `plain_text`."""
    for cue in cues:
        text = plain_text("\n".join(cue.lines), any_tag=any_tag)
        if text:
            yield cue.start, cue.end, text
        else:
            notes.lose(NO_TEXT)
