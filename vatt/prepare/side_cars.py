"""Finds the caption files of a media file, by their names.

A caption file belongs to the media whose whole name, or whose name without the ending, begins its own; what
stands between that and the ending must be nothing, or a language and marks such as "forced". Of several media
the one with the longest such name has it. Names are compared in Unicode NFC; where none is equal, without
regard to capital letters, if then only one is.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from vatt.prepare.captions import SUBTITLE_SUFFIXES, SUFFIXES
from vatt.prepare.languages import DEFAULT, LAST_CHOICE, MACHINE_MADE, Tag, read_language, read_tag
from vatt.prepare.walk import Folder, folded


def wanted_language(name: str | None) -> Tag | None:
    """The language that a user asks for; ValueError: there is no such language."""
    tag = None if name is None else read_language(name)
    if name is not None and tag is None:
        raise ValueError(
            f"`--language` must be a language's code or its name in English, such as en, pt-BR or German. "
            f"Received: {name!r}."
        )
    return tag


class SideCars:
    """Caption files of one folder; of several languages the wanted one, None: by the rule of `of_media`."""

    def __init__(self, folder: Folder, wanted: Tag | None = None):
        self._wanted = wanted
        self._exact: dict[str, list[Path]] = defaultdict(list)
        self._folded: dict[str, list[Path]] = defaultdict(list)
        self._caseless: dict[str, set[str]] = defaultdict(set)
        for path in folder.media:
            for name in {path.name, path.stem}:
                self._exact[name].append(path)
                self._folded[folded(name)].append(path)
                self._caseless[folded(name).casefold()].add(folded(name))
        self._captions: dict[Path, list[tuple[Path, Tag]]] = defaultdict(list)
        for path in folder.captions:
            for media, tag in self._owners(path.stem):
                self._captions[media].append((path, tag))

    def of_media(self, media: Path) -> list[Path]:
        """The caption files of a media file, the best first, without those in languages that are not wanted.

        Better is, in this order: one that is not only forced or commentary; subtitles, then a transcript,
        then a description; that which is marked as default; no language in its name (or the wanted one), then
        English, then others by their codes; not made by a machine; fewer subtags and marks; the ending that
        comes first in `SUFFIXES`.
        """
        found = [(path, tag) for path, tag in self._captions[media] if self._may_be_used(tag)]
        return [path for path, tag in sorted(found, key=lambda item: self._rank(*item))]

    def in_other_languages(self, media: Path) -> list[Path]:
        """Those that `of_media` leaves out."""
        return [path for path, tag in self._captions[media] if not self._may_be_used(tag)]

    def _owners(self, name: str) -> Iterator[tuple[Path, Tag]]:
        """(media file, what the rest of the name says) for the name of a caption file without its ending."""
        words: list[str] = []
        while name:
            tag = read_tag(words)
            if tag is None:
                return
            media = self._named(name)
            if media:
                yield from ((path, tag) for path in media)
                return
            name, _, word = name.rpartition(".")
            words.append(word)

    def _named(self, name: str) -> list[Path]:
        if name in self._exact:
            return self._exact[name]
        if folded(name) in self._folded:
            return self._folded[folded(name)]
        others = self._caseless.get(folded(name).casefold(), ())
        return self._folded[next(iter(others))] if len(others) == 1 else []

    def _may_be_used(self, tag: Tag) -> bool:
        return self._wanted is None or not tag.language or tag.answers(self._wanted)

    def _rank(self, path: Path, tag: Tag) -> tuple:
        suffix = path.suffix.lower()
        kind = 0 if suffix in SUBTITLE_SUFFIXES else SUFFIXES.index(suffix)
        if self._wanted is None:
            language = (bool(tag.language), tag.language != "en", tag.language)
        else:
            language = (not tag.language, False, tag.language)
        return (
            bool(tag.marks & LAST_CHOICE),
            kind,
            not tag.marks & DEFAULT,
            language,
            bool(tag.marks & MACHINE_MADE),
            bool(tag.subtags),
            len(tag.marks),
            tag.subtags,
            SUFFIXES.index(suffix),
            path.name,
        )
