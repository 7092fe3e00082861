"""One caption file -> its captions, whatever its format, with notes of what was lost or guessed.

Each format is a function (text, notes) -> captions in `_READERS`.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from vatt.files.json_file import JsonError
from vatt.files.regular_file import NotRegularError, read_regular
from vatt.prepare.captions.caption import WHOLE_FILE, Caption, CaptionError, CaptionFile, NotCaptions
from vatt.prepare.captions.cue import MAX_CUES, lines_of
from vatt.prepare.captions.decode import decode, scrub
from vatt.prepare.captions.markup import one_line
from vatt.prepare.captions.notes import BACKWARDS, BEFORE_THE_FILE, NO_TIME, TOO_MANY, Notes
from vatt.prepare.captions.subrip import read_subrip
from vatt.prepare.captions.substation import is_substation, read_substation
from vatt.prepare.captions.transcript import NoTranscriptError, read_transcript
from vatt.prepare.captions.webvtt import is_webvtt, read_webvtt

MAX_BYTES = 16 << 20  # words of ten hours with a time each are 10 MB of JSON
MAX_DESCRIPTIONS = 1_000  # each is in every record of the file
_MOST_SECONDS = 1e7  # sixteen weeks: no media are that long
MAX_CHARACTERS = 10_000  # of one caption; the text model reads 16 words of it
_TOO_MANY_LINES = f"lines after the first {MAX_DESCRIPTIONS:,}, left out"
_TOO_LONG = f"captions cut after {MAX_CHARACTERS:,} characters"


def read_captions(path: str | Path, *, within: str | Path | None = None) -> CaptionFile:
    """The captions of one file in order of time, without markup, comments and empty lines.

    Args:
        path: a regular file of at most 16 MiB, of a name that ends in one of `SUFFIXES`.
        within: a folder that it must be in, links followed. None: anywhere.

    Raises:
        NotCaptions: it is JSON, and no transcript.
        CaptionError: it can not be read.
    """
    path, notes = Path(path), Notes()
    try:
        text = scrub(decode(read_regular(_target(path, within), max_bytes=MAX_BYTES), notes), notes)
        captions = list(_READERS[path.suffix.lower()](text, notes)) if text.strip() else []
    except NoTranscriptError as error:
        raise NotCaptions(path, str(error)) from error
    except (NotRegularError, JsonError) as error:
        raise CaptionError(path, error.problem) from error
    except (OSError, ValueError, ArithmeticError, LookupError) as error:
        raise CaptionError(path, str(error)) from error
    kept = tuple(_usable(captions, notes))
    return CaptionFile(captions=kept, notes=notes.as_tuple(), cues=len(kept) + notes.cues_lost)


def _target(path: Path, within: str | Path | None) -> Path:
    """The file that a path leads to."""
    if within is None:
        return path
    target = Path(os.path.realpath(path))
    if not target.is_relative_to(os.path.realpath(within)):
        raise OSError("it is a link that leads out of the folder")
    return target


def _usable(captions: Iterable[Caption], notes: Notes) -> list[Caption]:
    """The captions whose times can be true, in their order and within the bounds."""
    usable = []
    for start, end, words in captions:
        if end < start:
            notes.lose(BACKWARDS)
        elif start > _MOST_SECONDS:
            notes.lose(NO_TIME)
        elif end < 0:
            notes.lose(BEFORE_THE_FILE)
        else:
            notes.add(_TOO_LONG, int(len(words) > MAX_CHARACTERS))
            usable.append((start, end, words[:MAX_CHARACTERS]))
    usable.sort(key=lambda caption: caption[:2])  # of equal times in the order of the file
    notes.lose(TOO_MANY, max(0, len(usable) - MAX_CUES))
    return usable[:MAX_CUES]


def _subtitles(text: str, notes: Notes) -> Iterator[Caption]:
    """SubRip or WebVTT, distinguished by contents: programs give either the other's name."""
    if is_webvtt(text):
        return read_webvtt(text, notes)
    if is_substation(text):
        return read_substation(text, notes, is_advanced=True)
    return read_subrip(text, notes)


def _ass(text: str, notes: Notes) -> Iterator[Caption]:
    return read_substation(text, notes, is_advanced=True)


def _ssa(text: str, notes: Notes) -> Iterator[Caption]:
    return read_substation(text, notes, is_advanced=False)


def _description(text: str, notes: Notes) -> Iterator[Caption]:
    """Each line is a description of the whole file: plain text has no times to spread it over."""
    lines = [words for line in lines_of(text) if (words := one_line(line))]
    notes.lose(_TOO_MANY_LINES, max(0, len(lines) - MAX_DESCRIPTIONS))
    for words in lines[:MAX_DESCRIPTIONS]:
        yield *WHOLE_FILE, words


_READERS: dict[str, Callable[[str, Notes], Iterator[Caption]]] = {
    ".srt": _subtitles,
    ".vtt": _subtitles,
    ".ass": _ass,
    ".ssa": _ssa,
    ".json3": read_transcript,
    ".json": read_transcript,
    ".txt": _description,
}
SUFFIXES = tuple(_READERS)  # in this order when a clip has several
SUBTITLE_SUFFIXES = SUFFIXES[:5]  # whose names may have a language before them
