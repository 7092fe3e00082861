"""One entry of a transcript, under the names that the programs give to its text and times."""

import dataclasses
import math
from typing import Any

from vatt.prepare.captions.cue import seconds_of

_TEXTS = ("text", "word", "content", "transcript", "sentence")
_STARTS = ("start", "start_time", "from")
_ENDS = ("end", "end_time", "to")
_LENGTHS = ("duration", "dur")
_TIMES = frozenset((*_STARTS, *_ENDS, *_LENGTHS, "timestamp", "timestamps", "offsets", "tStartMs", "words"))


@dataclasses.dataclass(frozen=True)
class Entry:
    """A part of a transcript."""

    # in seconds; None: missing, or no time
    start: float | None
    end: float | None
    text: str  # as written
    is_open: bool = False  # whether the end is missing as some programs leave it out, and not unreadable
    is_cut: bool = False  # whether it is shown beyond the beginning of the next one, but not spoken


def has_entry_shape(entry: Any) -> bool:
    """Whether this may be a part of a transcript at all."""
    if isinstance(entry, list):
        return _listed(entry) is not None
    if not isinstance(entry, dict):
        return False
    return bool(_TIMES & entry.keys()) and (_text(entry) is not None or "tStartMs" in entry)


def is_layout(entry: Any) -> bool:
    """Whether an event of json3 opens a window or ends a line, and says nothing."""
    return isinstance(entry, dict) and "tStartMs" in entry and not (_text(entry) or "").strip()


def read_entry(entry: Any) -> Entry | None:
    """An entry; None: it has no text."""
    if isinstance(entry, list):
        return _listed(entry)
    text = _text(entry) if isinstance(entry, dict) else None
    if text is None or not text.strip():
        return None
    start, end, is_open = _times(entry)
    return Entry(start, end, text, is_open=is_open, is_cut="segs" in entry)


def _listed(values: list) -> Entry | None:
    """[start, end, text], or faster-whisper's tuple [id, seek, start, end, text, …]."""
    place = next((number for number, value in enumerate(values[:8]) if isinstance(value, str)), 0)
    if place < 2:
        return None
    return Entry(seconds_of(values[place - 2]), seconds_of(values[place - 1]), values[place])


def _text(entry: dict) -> str | None:
    parts = entry.get("segs")
    if isinstance(parts, list):  # json3
        words = [
            part["utf8"] for part in parts if isinstance(part, dict) and isinstance(part.get("utf8"), str)
        ]
        return "".join(words)
    return next((entry[key] for key in _TEXTS if isinstance(entry.get(key), str)), None)


def _times(entry: dict) -> tuple[float | None, float | None, bool]:
    """(start, end, whether the end is missing)."""
    pair = entry.get("timestamp")
    if isinstance(pair, list) and len(pair) == 2:  # Hugging Face
        return seconds_of(pair[0]), seconds_of(pair[1]), pair[1] is None
    if "tStartMs" in entry:
        start, length = seconds_of(entry["tStartMs"], 1000), seconds_of(entry.get("dDurationMs"), 1000)
        return start, _sum(start, length), "dDurationMs" not in entry
    offsets, stamps = entry.get("offsets"), entry.get("timestamps")
    if isinstance(offsets, dict):  # whisper.cpp counts milliseconds
        return seconds_of(offsets.get("from"), 1000), seconds_of(offsets.get("to"), 1000), "to" not in offsets
    if isinstance(stamps, dict):
        return seconds_of(stamps.get("from")), seconds_of(stamps.get("to")), "to" not in stamps
    start, end, length = (_first(entry, keys) for keys in (_STARTS, _ENDS, _LENGTHS))
    if start is None and end is None and isinstance(entry.get("words"), list):  # whisperX
        start, end = _of_words(entry["words"])
    if end is None and length is not None:
        return seconds_of(start), _sum(seconds_of(start), seconds_of(length)), False
    return seconds_of(start), seconds_of(end), end is None


def _of_words(words: list) -> tuple:
    """The times of a sentence without, from its words."""
    timed = [word for word in words if isinstance(word, dict)]
    starts = [word["start"] for word in timed if seconds_of(word.get("start")) is not None]
    ends = [word["end"] for word in timed if seconds_of(word.get("end")) is not None]
    return (starts or [None])[0], (ends or [None])[-1]


def _first(entry: dict, keys: tuple[str, ...]):
    return next((entry[key] for key in keys if entry.get(key) is not None), None)


def _sum(start: float | None, length: float | None) -> float | None:
    end = math.nan if start is None or length is None else start + length
    return end if math.isfinite(end) else None
