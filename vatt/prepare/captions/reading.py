"""Side-car captions: subtitles, transcripts and descriptions beside a media file to (start, end, text).

Each format is one function from text to captions in `_READERS`; pysubs2 reads the subtitle formats.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import pysubs2

from vatt.json_file import parse_json
from vatt.prepare.captions.caption import WHOLE_FILE, Caption, CaptionError, CaptionFile

# Web captions carry inline tags that pysubs2 leaves alone: <c.yellow>, <v Speaker>, <00:00:01.500>, <i> ...
_TAG = re.compile(r"<[^<>]*>")
# In this order: what an "&amp;" leaves is no other entity's beginning.
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&nbsp;": " ", "&lrm;": "", "&rlm;": "", "&amp;": "&"}
_BYTE_ORDER_MARKS_16 = (b"\xff\xfe", b"\xfe\xff")


def read_captions(path: str | Path) -> CaptionFile:
    """The captions of one file in order of time, without tags, comments and empty lines.

    Text is decoded as UTF-8, or UTF-16 if it starts with that byte-order mark; bytes that are not text are
    replaced, as one odd letter is no reason to lose a film's narration.

    Raises:
        NotCaptions: it is JSON, and no transcript.
        CaptionError: it can not be read.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
        encoding = "utf-16" if data.startswith(_BYTE_ORDER_MARKS_16) else "utf-8-sig"
        text = data.decode(encoding, errors="replace")
        captions = list(_READERS[path.suffix.lower()](text, path)) if text.strip() else []
    # Times beyond all bounds overflow, and pysubs2 looks up what damaged files do not have.
    except (OSError, ValueError, ArithmeticError, LookupError, pysubs2.Pysubs2Error) as error:
        raise CaptionError(path, str(error)) from error
    kept = sorted((start, end, words) for start, end, words in captions if words and 0 <= end >= start)
    return CaptionFile(captions=tuple(kept), cues=len(captions))


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
    content = parse_json(text, path.name, is_lenient=True)
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


SUBTITLE_SUFFIXES = (".srt", ".vtt", ".ass", ".ssa")
_READERS = dict.fromkeys(SUBTITLE_SUFFIXES, _subtitles) | {".json": _transcript, ".txt": _description}
SUFFIXES = tuple(_READERS)  # in this order when a clip has several
