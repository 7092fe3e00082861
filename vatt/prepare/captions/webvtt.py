"""WebVTT by its grammar (W3C, "WebVTT: The Web Video Text Tracks Format", section 6), and what is near it.

A block ends with an empty line: one of blanks alone is text, as in the captions of YouTube. A cue is a block
whose first or second line has an arrow; the line before that is its identifier. Blocks without one are
comments, styles and regions, and what is no block at all, which is counted.
"""

import re
from collections.abc import Iterator

from vatt.prepare.captions.caption import Caption
from vatt.prepare.captions.cue import Cue, captions_of, first_cues, has_arrow, lines_of, timing_of
from vatt.prepare.captions.notes import NO_TIME, Notes
from vatt.prepare.captions.rolling import unrolled

SIGNATURE = "WEBVTT"
_NO_TEXT = re.compile(r"(NOTE|STYLE|REGION)(\s|$)")
_NOT_SPOKEN = ("chapters", "metadata")  # kinds of a track whose cues are no text
_IMAGE = re.compile(r"[^\s#]*#xywh=\S*")  # a thumbnail of the player's time line


def is_webvtt(text: str) -> bool:
    """Whether a text begins as WebVTT does."""
    return re.match(rf"{SIGNATURE}(\s|$)", text) is not None


def read_webvtt(text: str, notes: Notes) -> Iterator[Caption]:
    """The captions of a WebVTT file."""
    lines = lines_of(text)
    begin, kind = _header(lines) if is_webvtt(text) else (0, "")
    cues = first_cues(_cues(lines, begin, notes), notes)
    if kind in _NOT_SPOKEN:
        notes.lose(f"cues of a track of {kind}, left out", len(cues))
        return
    texts = [cue for cue in cues if not (len(cue.lines) == 1 and _IMAGE.fullmatch(cue.lines[0].strip()))]
    notes.lose("cues that name an image, left out", len(cues) - len(texts))
    yield from captions_of(unrolled(texts, notes), notes, any_tag=True)


def _header(lines: list[str]) -> tuple[int, str]:
    """(the line behind the header, the kind that it names)."""
    kind = ""
    for number, line in enumerate(lines):
        if not line or (number and timing_of(line)):
            return number, kind
        name, _, value = line.partition(":")
        if name.strip().lower() == "kind":
            kind = value.strip().lower()
    return len(lines), kind


def _cues(lines: list[str], begin: int, notes: Notes) -> Iterator[Cue]:
    while begin < len(lines):
        if not lines[begin].strip():
            begin += 1
            continue
        first_two = range(begin, min(begin + 2, len(lines)))
        head = next((place for place in first_two if has_arrow(lines[place])), None)
        if head is None:
            end = _end(lines, begin + 1)
            if not _NO_TEXT.match(lines[begin]):
                notes.lose("blocks without a time, left out")
            begin = end
            continue
        end = _end(lines, head + 1)
        timing = timing_of(lines[head])
        if timing:
            yield Cue(*timing, tuple(line for line in lines[head + 1 : end] if line.strip()))
        else:
            notes.lose(NO_TIME)
        begin = end


def _end(lines: list[str], begin: int) -> int:
    """Where the block ends in which `begin` is: at an empty line, or before a cue that follows without."""
    end = begin
    while end < len(lines) and lines[end] and not timing_of(lines[end]):
        end += 1
    if end < len(lines) and lines[end] and end > begin and _is_identifier(lines, end - 1):
        end -= 1
    return end


def _is_identifier(lines: list[str], place: int) -> bool:
    """Whether the line before a time is the next cue's name: a number, or what follows a line of blanks."""
    return lines[place].strip().isdecimal() or not lines[place - 1].strip()
