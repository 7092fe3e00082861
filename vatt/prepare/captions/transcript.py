"""JSON of programs that transcribe speech -> captions.

Read are Whisper, faster-whisper, whisperX, whisper.cpp, pipelines of Hugging Face, Vosk, YouTube's json3 and
what libraries make of it, and the bare list of segments: in the end each is a list of entries with a text and
two times, under names that differ. A transcript of single words becomes phrases.
"""

import math
from collections.abc import Iterator

from vatt.files.json_file import parse_json
from vatt.prepare.captions.caption import WHOLE_FILE, Caption
from vatt.prepare.captions.decode import scrub
from vatt.prepare.captions.entry import Entry, has_entry_shape, is_layout, read_entry
from vatt.prepare.captions.markup import one_line
from vatt.prepare.captions.notes import NO_TEXT, NO_TIME, Notes
from vatt.prepare.captions.phrases import are_words, phrases

_LISTS = ("segments", "transcription", "chunks", "events", "body")  # keys of lists of sentences
_WORD_LISTS = ("word_segments", "words", "result")
# OpenAI's and other answers that are the text alone.
_TEXT_ALONE = frozenset(("text", "language", "task", "duration", "usage", "chunks", "segments"))
_WORD_SECONDS = 0.4  # of speech, on average
_WORD_CHARACTERS = 6  # with the blank, for languages that have none
_LEAST_SECONDS, _MOST_SECONDS = 1.0, 30.0  # Whisper's window is the longest
_NO_END = "cues without an end, taken to last until the next one, or as long as their words do"


class NoTranscriptError(ValueError):
    """JSON that is something else."""


def read_transcript(text: str, notes: Notes) -> Iterator[Caption]:
    """The captions of a transcript; NoTranscriptError: it is JSON of something else, JsonError: it is no
    JSON.
    """
    for start, end, words in _spoken(parse_json(text, "a transcript", is_lenient=True), notes):
        words = one_line(scrub(words, notes))
        if words:
            yield start, end, words
        else:
            notes.lose(NO_TEXT)


def _spoken(content, notes: Notes) -> list[Caption]:
    """What is said, with its times, as it is written."""
    entries, is_of_words = _entries(content)
    if isinstance(entries, str):
        notes.add("transcripts without times, taken for the whole of their media")
        return [(*WHOLE_FILE, entries)]
    if entries and not any(has_entry_shape(entry) for entry in entries):
        raise NoTranscriptError(f"its entries have no text and times. {_RULE} Received: {entries[0]!r:.200}")
    found = [read_entry(entry) for entry in entries]
    notes.lose(NO_TEXT, sum(entry is None for entry in found))
    spoken = list(_timed([entry for entry in found if entry is not None], notes))
    if is_of_words or are_words(spoken):
        joined = list(phrases(spoken))
        notes.lose("single words that became parts of phrases", len(spoken) - len(joined))
        return joined
    return spoken


_RULE = (
    "A transcript must have a list `segments` of {start, end, text}, as Whisper writes it, or `chunks`, "
    "`transcription`, `events` or `words`. Give other JSON files another name than the media's."
)


def _entries(content) -> tuple[list | str, bool]:
    """(the list of entries, or a text alone; whether they are single words)."""
    if isinstance(content, list):
        if content and all(isinstance(part, dict) and "result" in part for part in content):  # Vosk's
            return [word for part in content for word in _list(part["result"])], True
        return content, False
    if isinstance(content, dict):
        for keys, is_of_words in ((_LISTS, False), (_WORD_LISTS, True)):
            for key in keys:
                if isinstance(content.get(key), list) and (content[key] or not content.get("text")):
                    return [entry for entry in content[key] if not is_layout(entry)], is_of_words
        if isinstance(content.get("text"), str) and _TEXT_ALONE.issuperset(content):
            return content["text"], False
    raise NoTranscriptError(_RULE)


def _list(value) -> list:
    return value if isinstance(value, list) else []


def _timed(entries: list[Entry], notes: Notes) -> Iterator[Caption]:
    """The entries that have times; an end that is missing is the beginning of the next one."""
    next_start = math.inf
    timed = []
    for entry in reversed(entries):
        if entry.start is None or (entry.end is None and not entry.is_open):
            notes.lose(NO_TIME)
            continue
        end = entry.end
        if end is None:
            notes.add(_NO_END)
            end = _guessed_end(entry.start, entry.text, next_start)
        elif entry.is_cut and entry.start < next_start < end:
            end = next_start
        timed.append((entry.start, end, entry.text))
        next_start = entry.start
    yield from reversed(timed)


def _guessed_end(start: float, text: str, next_start: float) -> float:
    """An end that is not infinite, which would mean that the text is of the whole file."""
    if next_start - start <= _MOST_SECONDS:
        return max(next_start, start)
    words = max(len(text.split()), len(text) / _WORD_CHARACTERS)
    return start + min(max(_WORD_SECONDS * words, _LEAST_SECONDS), _MOST_SECONDS)
