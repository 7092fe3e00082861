"""SubRip: numbered cues of a line of times and lines of text.

There is no standard. As players do, the times make a cue: its text runs to the next cue, across empty lines,
and what stands right before the times is the cue's number or name.
"""

from collections.abc import Iterator

from vatt.prepare.captions.caption import Caption
from vatt.prepare.captions.cue import Cue, captions_of, first_cues, has_arrow, lines_of, timing_of
from vatt.prepare.captions.notes import NO_TIME, Notes
from vatt.prepare.captions.rolling import unrolled


def read_subrip(text: str, notes: Notes) -> Iterator[Caption]:
    """The captions of a SubRip file."""
    cues = first_cues(_cues(lines_of(text), notes), notes)
    yield from captions_of(unrolled(cues, notes), notes, any_tag=False)


def _cues(lines: list[str], notes: Notes) -> Iterator[Cue]:
    times = {place: time for place, line in enumerate(lines) if (time := timing_of(line))}
    heads = [place for place in range(len(lines)) if place in times or _is_damaged_head(lines, place)]
    begins = [_begin(lines, head, times) for head in heads]
    preamble = lines[: begins[0]] if begins else lines
    notes.add("lines that belong to no cue, left out", sum(bool(line.strip()) for line in preamble))
    for head, end in zip(heads, [*begins[1:], _last_end(lines, heads)]):
        if head in times:
            yield Cue(*times[head], tuple(line for line in lines[head + 1 : end] if line.strip()))
        else:
            notes.lose(NO_TIME)
    if heads and _last_end(lines, heads) < len(lines):
        notes.lose(NO_TIME)


def _is_damaged_head(lines: list[str], place: int) -> bool:
    """Whether a line stands where times must be, and they can not be read."""
    if not has_arrow(lines[place]):
        return False
    before = place - 1 if place and lines[place - 1].strip().isdecimal() else place
    return before == 0 or not lines[before - 1].strip()


def _begin(lines: list[str], head: int, times: dict[int, tuple[float, float]]) -> int:
    """Where the cue begins: at its number, or at a name that stands alone behind an empty line."""
    if head == 0 or not lines[head - 1].strip() or head - 1 in times:
        return head
    stands_alone = head == 1 or not lines[head - 2].strip()
    return head - 1 if stands_alone or lines[head - 1].strip().isdecimal() else head


def _last_end(lines: list[str], heads: list[int]) -> int:
    """Where the last cue ends: before the number of a cue that was cut off. Another number is text."""
    if not heads:
        return len(lines)
    last = len(lines) - 1
    while last > heads[-1] and not lines[last].strip():
        last -= 1
    number = lines[heads[-1] - 1].strip() if heads[-1] else ""
    is_next = number.isdecimal() and len(number) < 19 and lines[last].strip() == str(int(number) + 1)
    is_apart = last > heads[-1] and not lines[last - 1].strip()
    return last if is_next and is_apart else len(lines)
