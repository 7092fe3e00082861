"""Side-car captions: subtitles, transcripts and descriptions beside a media file to (start, end, text).

Each format is one function from text to captions in `_READERS`; pysubs2 reads the subtitle formats.
"""

import json
import math
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pysubs2

Caption = tuple[float, float, str]  # start and end in seconds of the media file's own clock; text
WHOLE_FILE = (0.0, math.inf)  # the times of a text that describes all of a file

# Web captions carry inline tags that pysubs2 leaves alone: <c.yellow>, <v Speaker>, <00:00:01.500>, <i> ...
_TAG = re.compile(r"<[^<>]*>")
# In this order: what an "&amp;" leaves is no other entity's beginning.
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&nbsp;": " ", "&lrm;": "", "&rlm;": "", "&amp;": "&"}
_BYTE_ORDER_MARKS_16 = (b"\xff\xfe", b"\xfe\xff")


class CaptionError(ValueError):
    """A caption file that can not be read."""


def read_captions(path: str | Path) -> list[Caption]:
    """The captions of one file in order of time, without tags, comments and empty lines.

    Text is decoded as UTF-8, or UTF-16 if it starts with that byte-order mark; bytes that are not text are
    replaced, as one odd letter is no reason to lose a film's narration.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
        encoding = "utf-16" if data.startswith(_BYTE_ORDER_MARKS_16) else "utf-8-sig"
        text = data.decode(encoding, errors="replace")
        captions = list(_READERS[path.suffix.lower()](text, path)) if text.strip() else []
    # Times beyond all bounds overflow, and pysubs2 looks up what damaged files do not have.
    except (OSError, ValueError, ArithmeticError, LookupError, pysubs2.Pysubs2Error) as error:
        raise CaptionError(f"{path}: the captions can not be read: {error}") from error
    return sorted((start, end, words) for start, end, words in captions if words and 0 <= end >= start)


def _subtitles(text: str, path: Path) -> Iterator[Caption]:
    for event in pysubs2.SSAFile.from_string(text, format_=path.suffix.lower().removeprefix(".")):
        if not event.is_comment and not event.is_drawing:
            yield event.start / 1000, event.end / 1000, _clean(event.plaintext)


def _clean(text: str) -> str:
    text = _TAG.sub(" ", text)
    for entity, character in _ENTITIES.items():
        text = text.replace(entity, character)
    return " ".join(text.split())


def _transcript(text: str, path: Path) -> Iterator[Caption]:
    """JSON of Whisper, faster-whisper, whisperX or whisper.cpp, or the bare list of segments."""
    content = json.loads(text)
    if isinstance(content, dict):
        content = content.get("segments", content.get("transcription"))
    if not isinstance(content, list):
        raise ValueError(
            "a transcript must have a list `segments` of {start, end, text}, as Whisper writes it. "
            "Give other JSON files another name than the media's."
        )
    for segment in content:
        start, end, words = _segment(segment)
        if start is not None and end is not None:  # whisperX leaves out times that it could not align
            yield float(start), float(end), " ".join(words.split())


def _segment(segment) -> tuple:
    """(start, end, text) of a segment; the times may be None."""
    try:
        if "offsets" in segment:  # whisper.cpp counts milliseconds
            start, end = segment["offsets"]["from"] / 1000, segment["offsets"]["to"] / 1000
        else:
            start, end = segment.get("start"), segment.get("end")
        words = segment["text"]
        times_are_numbers = all(time is None or math.isfinite(time) for time in (start, end))
    except (TypeError, KeyError, AttributeError):
        times_are_numbers, words = False, None
    if not times_are_numbers or not isinstance(words, str):
        raise ValueError(
            f"a segment must have start and end in seconds and a text. Received: {segment!r:.200}"
        )
    return start, end, words


def _description(text: str, path: Path) -> Iterator[Caption]:
    """Each line is a description of the whole file: plain text has no times to spread it over."""
    for line in text.splitlines():
        yield *WHOLE_FILE, " ".join(line.split())


_SUBTITLES = (".srt", ".vtt", ".ass", ".ssa")
_READERS = dict.fromkeys(_SUBTITLES, _subtitles) | {".json": _transcript, ".txt": _description}
SUFFIXES = tuple(_READERS)  # in this order when a clip has several


class SideCars:
    """Finds the caption file beside a media file; each folder is listed once."""

    def __init__(self):
        self._folders: dict[Path, tuple[dict, dict]] = {}

    def find(self, media: Path) -> Path | None:
        """film.mp4 -> film.srt or film.mp4.srt, or film.en.srt if that is the only one with a language."""
        if media.parent not in self._folders:
            self._folders[media.parent] = self._listed(media.parent)
        plain, with_language = self._folders[media.parent]
        own = [*plain[media.stem], *plain[media.name]]
        if own:
            return min(own, key=lambda path: SUFFIXES.index(path.suffix.lower()))
        others = with_language[media.stem]
        return others[0] if len(others) == 1 else None

    @staticmethod
    def _listed(folder: Path) -> tuple[dict, dict]:
        """Caption files by their names without the ending, and subtitles by those without a language too."""
        plain, with_language = defaultdict(list), defaultdict(list)
        if not folder.is_dir():
            return plain, with_language
        for name in sorted(os.listdir(folder)):
            path = folder / name
            suffix = path.suffix.lower()
            if suffix not in _READERS or name.startswith("."):
                continue
            plain[path.stem].append(path)
            if suffix in _SUBTITLES:
                with_language[Path(path.stem).stem if Path(path.stem).suffix else ""].append(path)
        return plain, with_language
