"""Reads the caption files of media files, and accounts for each of them: used, or why not."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from vatt.prepare import captions
from vatt.prepare.captions import Caption, CaptionError, CaptionReader, NotCaptions, Note
from vatt.prepare.languages import Tag
from vatt.prepare.planning import Planning, Reason
from vatt.prepare.side_cars import SideCars
from vatt.prepare.walk import Folder, Walk, walk_media

NO_TRANSCRIPT = Reason("JSON file that is no transcript", "JSON files that are no transcripts")
UNREADABLE = Reason("caption file that can not be read", "caption files that can not be read")
NO_CAPTION = Reason("caption file without a caption", "caption files without a caption")
NOT_CHOSEN = Reason("caption file that was not chosen", "caption files that were not chosen")
OTHER_LANGUAGE = Reason(
    "caption file in another language than --language", "caption files in other languages than --language"
)
OUTSIDE = Reason(
    "link to captions that leads out of the folder", "links to captions that lead out of the folder"
)
SUBTITLE_FOLDER = Reason(
    "caption file in a folder for subtitles, which is not searched",
    "caption files in folders for subtitles, which are not searched",
)
NO_MEDIA = Reason("caption file without media of its name", "caption files without media of their names")
NO_MEDIA_TEXT = Reason(
    "text or JSON file without media of its name", "text and JSON files without media of their names"
)
CHOSEN = Reason(
    "file has captions in several files, of which one was chosen (see --language)",
    "files have captions in several files, of which one each was chosen (see --language)",
)
_SUBTITLE_FOLDERS = frozenset(("sub", "subs", "subtitle", "subtitles", "captions"))


class CaptionFiles:
    """The caption files of the media of some folders.

    Args:
        folders: their files.
        root: names in reports are relative to it where they can be.
        planning: what is lost or decided is written to it.
        wanted: the language that is wanted where there are several, see `SideCars`.
        within: a folder that caption files must be in, links followed; None: anywhere.
    """

    def __init__(
        self,
        folders: Mapping[Path, Folder],
        root: Path,
        planning: Planning,
        *,
        wanted: Tag | None = None,
        within: Path | None = None,
    ):
        self._side_cars = {path: SideCars(folder, wanted) for path, folder in folders.items()}
        self._root, self._planning, self._within = root, planning, within
        self._captions: dict[Path, tuple[Caption, ...]] = {}  # of all files that were read
        self._why_not: dict[Path, Reason] = {}

    def read(self, clips: Sequence[tuple[Path, ...]]) -> list[tuple[Caption, ...]]:
        """The captions of clips, of each of which all media files are given; () where there are none to read.

        All files that come first for some clip are read at once, then those that come second where the first
        gave nothing, and so on.
        """
        found = [self._candidates(media) for media in clips]
        chosen: dict[int, Path] = {}
        waiting = {number: list(paths) for number, paths in enumerate(found) if paths}
        with CaptionReader(within=self._within) as reader:
            while waiting:
                self._read_all(reader, [paths[0] for paths in waiting.values()])
                for number, paths in list(waiting.items()):
                    first = paths.pop(0)
                    if self._captions[first]:
                        chosen[number] = first
                    if self._captions[first] or not paths:
                        del waiting[number]
        for number, path in chosen.items():
            self._choose(clips[number][0], path, found[number])
        return [self._captions[chosen[number]] if number in chosen else () for number in range(len(clips))]

    def _candidates(self, media: tuple[Path, ...]) -> list[Path]:
        side_cars = self._side_cars[media[0].parent]
        for path in (path for each in media for path in side_cars.in_other_languages(each)):
            self._why_not[path] = OTHER_LANGUAGE
        return list(dict.fromkeys(path for each in media for path in side_cars.of_media(each)))

    def _choose(self, media: Path, chosen: Path, found: list[Path]) -> None:
        self._planning.caption_files.add(chosen)
        others = found[found.index(chosen) + 1 :]
        for other in others:
            self._why_not.setdefault(other, NOT_CHOSEN)
        if others:
            names = ", ".join(other.name for other in others)
            self._planning.decided.add(CHOSEN, f"{self._name(media)}: {chosen.name}, not {names}")

    def account(self, paths: Iterable[Path] = ()) -> None:
        """Counts the caption files that were not used, and of `paths` those that belong to no media, as left
        out; when all captions have been read.
        """
        for path in sorted({*paths, *self._why_not} - self._planning.caption_files):
            reason = self._why_not.get(path) or _why_orphan(path)
            self._planning.left_out.add(reason, self._name(path))

    def _read_all(self, reader: CaptionReader, paths: Sequence[Path]) -> None:
        """Reads those that have not been read, and keeps why others can not be."""
        new = [path for path in dict.fromkeys(paths) if path not in self._captions]
        reader.read_ahead(new)
        for path in new:
            self._captions[path] = ()
            try:
                file = reader.read(path)
            except NotCaptions:
                self._why_not[path] = NO_TRANSCRIPT
                continue
            except CaptionError as error:
                self._why_not[path] = UNREADABLE
                self._planning.note(self._name(path), [Note(f"can not be read: {error.problem}")])
                continue
            self._planning.note(self._name(path), file.notes)
            self._captions[path] = file.captions
            if not file.captions:
                self._why_not[path] = NO_CAPTION

    def _name(self, path: Path) -> str:
        return (path.relative_to(self._root) if path.is_relative_to(self._root) else path).as_posix()


def folders_of(media: Sequence[Path], planning: Planning) -> dict[Path, Folder]:
    """The folders of media files that a table names, with the captions there.

    Links to captions that lead out of their folder are counted as left out. Other files of these folders are
    nobody's concern.
    """
    named: dict[Path, set[Path]] = {}
    for path in media:
        named.setdefault(path.parent, set()).add(path)
    found = {}
    for parent, paths in named.items():
        walk = walk_media(parent, is_deep=False)
        folder = walk.folders[parent]
        found[parent] = dataclasses.replace(folder, media=tuple(sorted({*folder.media, *paths})))
        _count_outside(walk, planning)
    return found


def _count_outside(walk: Walk, planning: Planning) -> None:
    for path in walk.outside:
        if path.suffix.lower() in captions.SUFFIXES:
            planning.left_out.add(OUTSIDE, str(path))


def _why_orphan(path: Path) -> Reason:
    if path.parent.name.casefold() in _SUBTITLE_FOLDERS:
        return SUBTITLE_FOLDER
    return NO_MEDIA if path.suffix.lower() in captions.SUBTITLE_SUFFIXES else NO_MEDIA_TEXT
