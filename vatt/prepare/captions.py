"""Side-car captions: .srt, .vtt and .ass files to (start, end, text), through pysubs2."""

import re
from pathlib import Path

import pysubs2

SUFFIXES = (".srt", ".vtt", ".ass", ".ssa")  # in this order when a clip has several

# Web captions carry inline tags that pysubs2 leaves alone: <c.yellow>, <v Speaker>, <00:00:01.500>, <i> ...
_TAG = re.compile(r"<[^<>]*>")
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&nbsp;": " ", "&lrm;": "", "&rlm;": ""}

Caption = tuple[float, float, str]  # start and end in seconds of the media file's own clock; text


class CaptionError(ValueError):
    """A caption file that can not be read."""


def read_captions(path: str | Path) -> list[Caption]:
    """The captions of one file in order of time, without tags, comments and empty lines.

    Text is decoded as UTF-8 (a byte-order mark is dropped); bytes that are not are replaced, as one odd
    letter is no reason to lose a film's narration.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
        if not text.strip():
            return []
        subtitles = pysubs2.SSAFile.from_string(text, format_=path.suffix.lower().removeprefix("."))
    except (OSError, ValueError, pysubs2.Pysubs2Error) as error:
        raise CaptionError(f"{path}: the captions can not be read: {error}") from error
    captions = []
    for event in subtitles:
        words = "" if event.is_comment or event.is_drawing else _clean(event.plaintext)
        if words and event.end >= event.start:
            captions.append((event.start / 1000, event.end / 1000, words))
    return sorted(captions)


def _clean(text: str) -> str:
    text = _TAG.sub(" ", text)
    for entity, character in _ENTITIES.items():
        text = text.replace(entity, character)
    return " ".join(text.split())


def find_captions(media: Path) -> Path | None:
    """The caption file beside a media file: film.mp4 -> film.srt, or film.en.srt if that is the only one."""
    for suffix in SUFFIXES:
        plain = media.with_suffix(suffix)
        if plain.is_file():
            return plain
    with_language = [
        path
        for path in sorted(media.parent.glob(f"{_literal(media.stem)}.*"))
        if path.suffix.lower() in SUFFIXES and path.is_file()
    ]
    return with_language[0] if len(with_language) == 1 else None


def _literal(name: str) -> str:
    """`name` as a glob pattern that matches only itself."""
    return re.sub(r"([*?[])", r"[\1]", name)
