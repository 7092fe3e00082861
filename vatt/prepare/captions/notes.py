"""Gathers what is lost, repaired or guessed while one caption file is read."""

from vatt.prepare.captions.caption import Note

BACKWARDS = "cues that end before they begin, left out"
BEFORE_THE_FILE = "cues that end before the media begins, left out"
NO_TIME = "cues without a readable time, left out"
TOO_MANY = "cues after the first 100,000, left out"
NO_TEXT = "cues without text, left out"


class Notes:
    """Adds up the notes of one file.

    A reader says of each cue that gives no caption why: cues of a file = its captions + the lost ones.
    """

    def __init__(self):
        self._counts: dict[str, int] = {}
        self._cues_lost: dict[str, int] = {}

    def add(self, what: str, count: int = 1, *, cues_lost: int = 0) -> None:
        """Counts `count` things of one kind, of which `cues_lost` are cues that are no caption."""
        if count or cues_lost:
            self._counts[what] = self._counts.get(what, 0) + count
            self._cues_lost[what] = self._cues_lost.get(what, 0) + cues_lost

    def lose(self, what: str, count: int = 1) -> None:
        """Counts cues that are no caption."""
        self.add(what, count, cues_lost=count)

    @property
    def cues_lost(self) -> int:
        return sum(self._cues_lost.values())

    def as_tuple(self) -> tuple[Note, ...]:
        """One note of each kind, in alphabetical order."""
        kinds = sorted(self._counts.items())
        return tuple(Note(what, count, self._cues_lost[what]) for what, count in kinds)
