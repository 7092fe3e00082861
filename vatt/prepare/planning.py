"""What planning a set left out, decided by a rule and lost, counted: for the terminal, report and page."""

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from vatt.prepare.captions import Note
from vatt.prepare.progress import say

_FIRST_NAMES = 20  # of a reason that are kept by name
_SHOWN_KINDS = 10  # of notes in the terminal; the report has all
_SURROGATE = re.compile("[\ud800-\udfff]")


def readable(name: str) -> str:
    """A file's name as text that can be written anywhere: a byte that is no UTF-8 as "\\xe9".

    A name in JSON may hold half a surrogate pair; it is written as "\\ud83d".
    """
    return _SURROGATE.sub(_escaped, name)


def _escaped(found: re.Match) -> str:
    number = ord(found[0])
    return f"\\x{number - 0xDC00:02x}" if 0xDC80 <= number <= 0xDCFF else f"\\u{number:04x}"


def unique_names(names: Sequence[str]) -> list[str]:
    """Names that differ from each other, made `readable` so that they still do."""
    taken = {name for name in names if readable(name) == name}
    made = []
    for name in names:
        written = readable(name)
        if written != name:
            while written in taken:
                written += "~"
            taken.add(written)
        made.append(written)
    return made


def subset_in_words(record: Mapping) -> str:
    """Which part of a published set a set is, as `subset` of dataset.json records it."""
    numbers = "their official numbers" if record["numbering"] == "official" else "numbers of their own"
    classes = f": {len(record['classes'])} classes under {numbers}" if record["classes"] else ""
    return f"{record['choice']} of {record['of']}{classes}"


class Reason(NamedTuple):
    """Why something was left out, or what was decided, as the rest of a sentence after one or after a
    number."""

    one: str
    many: str


class Tally:
    """Counts names by reason, and keeps the first of each."""

    def __init__(self):
        self._counts: Counter[Reason] = Counter()
        self._first: dict[Reason, list[str]] = {}

    def add(self, reason: Reason, name: str) -> None:
        """One more; `name` is made `readable`."""
        self._counts[reason] += 1
        first = self._first.setdefault(reason, [])
        if len(first) < _FIRST_NAMES:
            first.append(readable(name))

    def __len__(self) -> int:
        return self._counts.total()

    def __iter__(self) -> Iterator[tuple[Reason, int]]:
        """(reason, count), the most frequent first."""
        return iter(sorted(self._counts.items(), key=lambda item: (-item[1], item[0])))

    def first(self, reason: Reason) -> list[str]:
        """The first names."""
        return self._first.get(reason, [])

    def __str__(self) -> str:
        """As in "3 of unknown type, 1 link to a folder"."""
        return ", ".join(f"{count:,} {reason.one if count == 1 else reason.many}" for reason, count in self)

    def content(self) -> dict[str, dict]:
        """For a report: reason -> `count` and the `first` names."""
        return {reason.many: {"count": count, "first": self.first(reason)} for reason, count in self}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Planning:
    """What there is to say of a plan besides its clips."""

    left_out: Tally = dataclasses.field(default_factory=Tally)  # files that are not used, by reason
    # what was chosen or guessed by a rule; a name here is a file and what was chosen
    decided: Tally = dataclasses.field(default_factory=Tally)
    # of each caption file or table (its name), what was lost, repaired or guessed in it
    notes: dict[str, tuple[Note, ...]] = dataclasses.field(default_factory=dict)
    caption_files: set[Path] = dataclasses.field(default_factory=set)  # those whose captions are used
    # which part of a published set it is, for dataset.json; None: all of one, or none that was published
    subset: dict | None = None

    def note(self, name: str, notes: Sequence[Note]) -> None:
        """Keeps the notes of a file, if there are any; `name` is made `readable`."""
        if notes:
            self.notes[readable(name)] = tuple(notes)

    def content(self) -> dict:
        """The keys `subset`, `left_out`, `decided` and `captions` of preparation.json."""
        return {
            "subset": self.subset,
            "left_out": self.left_out.content(),
            "decided": self.decided.content(),
            "captions": {
                "files_used": len(self.caption_files),
                "notes": {
                    what: {"count": note.count, "cues_without_caption": note.cues_lost}
                    for what, note in self._summed().items()
                },
                "files": [
                    {"file": name, "notes": {note.what: note.count for note in notes}}
                    for name, notes in self.notes.items()
                ],
            },
        }

    def _summed(self) -> dict[str, Note]:
        """Every kind of note with its counts over all files, the most frequent first."""
        summed: dict[str, Note] = {}
        for note in (note for notes in self.notes.values() for note in notes):
            before = summed.get(note.what, Note(note.what, 0))
            summed[note.what] = Note(note.what, before.count + note.count, before.cues_lost + note.cues_lost)
        return dict(sorted(summed.items(), key=lambda item: (-item[1].count, item[0])))

    def report(self) -> None:
        """Says it in the terminal, one line for each kind; the report has the names."""
        if self.subset:
            say(f"Subset: {subset_in_words(self.subset)}")
        say_left_out(self.left_out)
        for reason, count in self.decided:
            first = self.decided.first(reason)[0]
            say(f"{count:,} {reason.one if count == 1 else reason.many}, such as {first}")
        summed = self._summed()
        for what, note in list(summed.items())[:_SHOWN_KINDS]:
            files = [name for name, notes in self.notes.items() if any(each.what == what for each in notes)]
            place = files[0] if len(files) == 1 else f"{len(files):,} files, such as {files[0]}"
            is_part = 0 < note.cues_lost < note.count
            lost = f", {note.cues_lost:,} cues without a caption of their own" if is_part else ""
            say(f"Captions: {what}: {note.count:,}{lost} ({place})")
        if len(summed) > _SHOWN_KINDS:
            say(f"Captions: {len(summed) - _SHOWN_KINDS:,} further kinds of notes; preparation.json has all")


def say_left_out(left_out: Tally) -> None:
    """The line with which every walk over a folder ends, if anything was left out."""
    if left_out:
        noun = "file was" if len(left_out) == 1 else "files were"
        say(f"{len(left_out):,} {noun} left out: {left_out}")
