"""Rolling captions, as YouTube makes them from speech: each phrase once, at the time at which it is spoken.

Such a file shows what is on the screen, not what is said: a cue repeats the lines of the one before it and
adds one, and between two of them stands a cue of 10 ms that only repeats. Whether a file is one is decided
from all of its cues, as a chorus repeats lines too.
"""

import dataclasses
import html
import itertools
import re
from collections.abc import Sequence

from vatt.prepare.captions.cue import Cue, clock_seconds
from vatt.prepare.captions.markup import plain_text
from vatt.prepare.captions.notes import Notes

_GAP_SECONDS = 0.25  # between cues of which the second continues the first
_FLASH_SECONDS = 0.05
_LEAST_SHARE = 0.5  # of the pairs of neighbours that must roll
_WORD_TIME = re.compile(r"<([0-9:.]+)>")


@dataclasses.dataclass(frozen=True)
class _Shown:
    """A cue by the lines that are seen."""

    cue: Cue  # as written
    # its lines, with and without markup
    marked: tuple[str, ...]
    lines: tuple[str, ...]


def unrolled(cues: Sequence[Cue], notes: Notes) -> list[Cue]:
    """The cues, of rolling captions without what each repeats; those of other files as they are."""
    shown = [_shown(cue) for cue in cues]
    repeated = [(0, ""), *(_repeated(*pair) for pair in itertools.pairwise(shown))]
    rolling = sum(_rolls(each, *found) for each, found in zip(shown, repeated))
    if not rolling or rolling < _LEAST_SHARE * (len(cues) - 1):
        return list(cues)
    kept = [_rest(each, *found) for each, found in zip(shown, repeated)]
    lines = sum(count for count, _ in repeated)
    what = "lines of rolling captions that repeat the line before, left out"
    notes.add(what, lines, cues_lost=sum(cue is None for cue in kept))
    return [cue for cue in kept if cue is not None]


def _shown(cue: Cue) -> _Shown:
    pairs = [(line, plain_text(line)) for line in cue.lines]
    pairs = [(line, text) for line, text in pairs if text]
    return _Shown(cue, tuple(line for line, _ in pairs), tuple(text for _, text in pairs))


def _repeated(before: _Shown, after: _Shown) -> tuple[int, str]:
    """(lines of `after` that stood there before, the beginning of the last of them if it has grown since)."""
    if after.cue.start > before.cue.end + _GAP_SECONDS:
        return 0, ""
    # Words with times of their own are spoken now.
    limit = next(
        (place for place, line in enumerate(after.marked) if _WORD_TIME.search(line)), len(after.lines)
    )
    for count in range(min(len(before.lines), limit), 0, -1):
        old, new = before.lines[-count:], after.lines[:count]
        if old == new:
            return count, ""
        if old[:-1] == new[:-1] and new[-1].startswith(old[-1] + " "):
            return count, old[-1]
    return 0, ""


def _rolls(shown: _Shown, count: int, grown: str) -> bool:
    """Whether a cue can only be one of rolling captions."""
    if grown:
        return True
    if count == len(shown.lines):
        return count > 0 and shown.cue.end - shown.cue.start <= _FLASH_SECONDS
    return count > 0 and set(shown.lines[count:]) != set(shown.lines[:count])


def _rest(shown: _Shown, count: int, grown: str) -> Cue | None:
    """The cue without what it repeats; None: it only repeats."""
    cue = shown.cue
    if not shown.lines:
        return cue
    marked = shown.marked[count:]
    if grown:
        marked = (html.escape(shown.lines[count - 1].removeprefix(grown)), *marked)
    if not marked:
        return None
    time = _WORD_TIME.match(marked[0].lstrip())
    start = clock_seconds(time[1]) if time else None
    if start is None or not cue.start <= start <= cue.end:
        start = cue.start
    return Cue(start, cue.end, marked)
