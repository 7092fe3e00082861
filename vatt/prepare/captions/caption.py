"""What a caption file holds: its captions, and a note of each kind of thing that was lost or guessed."""

import dataclasses
import math

Caption = tuple[float, float, str]  # start and end in seconds of the media file's own clock; text
WHOLE_FILE = (0.0, math.inf)  # the times of a text that describes all of a file


class CaptionError(ValueError):
    """A caption file that can not be read; the message names it, `problem` is a part of a sentence."""

    def __init__(self, path: object, problem: str):
        super().__init__(f"{path}: the captions can not be read: {problem}")
        self.path, self.problem = path, problem

    def __reduce__(self):
        return type(self), (self.path, self.problem)  # errors travel from worker processes


class NotCaptions(CaptionError):
    """A JSON file that holds something else than a transcript, such as a description of the video."""


@dataclasses.dataclass(frozen=True, order=True)
class Note:
    """One kind of thing that was lost, repaired or guessed in a caption file, and how often."""

    what: str  # in words, the same for every file, so that notes of many files can be added up
    count: int = 1  # how often
    cues_lost: int = 0  # how many of the file's cues are no caption of their own for this reason

    def __str__(self) -> str:
        return f"{self.what}: {self.count}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class CaptionFile:
    """The content of one caption file."""

    captions: tuple[Caption, ...]  # in order of time, without markup
    notes: tuple[Note, ...] = ()  # what was lost, repaired or guessed, at most one of a kind
    cues: int = 0  # of the file; each is a caption, or lost and counted in one of the notes

    def __str__(self) -> str:
        """A note on the file in addition to its captions; "" without one."""
        # Of how many, where the note counts cues and nothing else.
        notes = [
            f"{note} of {self.cues}" if note.cues_lost == note.count else f"{note}" for note in self.notes
        ]
        return "; ".join(notes)
