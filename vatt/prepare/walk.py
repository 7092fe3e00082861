"""Walks a folder of media: what is media, what may be captions, and why everything else is left out.

`vatt prepare folder`, `vatt embed` and `vatt index` find the same files by it, and end with the same line.
Links to files are followed where they stay in the folder: one that leads out of it may name any file of the
machine. Links to folders are not followed, and each file counts once, whatever it is linked as.
"""

import dataclasses
import os
import re
import stat
import unicodedata
from pathlib import Path

from vatt.prepare import captions
from vatt.prepare.image_file import IMAGE_SUFFIXES
from vatt.prepare.planning import Reason, Tally, say_left_out

# fmt: off
_VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".mkv", ".webm", ".avi", ".divx", ".wmv", ".asf",
    ".flv", ".f4v", ".ogv", ".ogm", ".mpg", ".mpeg", ".mpe", ".m1v", ".m2v", ".vob", ".ts", ".mts",
    ".m2ts", ".mxf", ".dv", ".rm", ".nut", ".ivf", ".h264", ".264", ".hevc", ".265", ".gif",
)
AUDIO_SUFFIXES = (
    ".wav", ".w64", ".mp3", ".mp2", ".m4a", ".aac", ".flac", ".ogg", ".oga", ".opus", ".spx", ".mka",
    ".wma", ".aif", ".aiff", ".au", ".caf", ".ac3", ".eac3", ".amr", ".ape", ".wv", ".tta",
)
# fmt: on
MEDIA_SUFFIXES = frozenset((*_VIDEO_SUFFIXES, *AUDIO_SUFFIXES, *IMAGE_SUFFIXES))
# What players call the cover of an album or a video that is in the same folder.
_COVERS = re.compile("(cover|folder|front|albumart.*|poster|fanart)", re.IGNORECASE)

# fmt: off
_UNREAD_CAPTIONS = frozenset((
    ".ttml", ".dfxp", ".itt", ".xml", ".srv1", ".srv2", ".srv3", ".sbv", ".lrc", ".sub", ".idx", ".sup",
    ".smi", ".sami", ".stl", ".scc", ".mpl",
))
# fmt: on
UNREAD_CAPTIONS = Reason(
    "caption file of a kind that is not read (make an .srt or .vtt of it)",
    "caption files of kinds that are not read (make .srt or .vtt of them)",
)
UNKNOWN = Reason("of unknown type", "of unknown type")
HIDDEN = Reason("hidden file", "hidden files")
HIDDEN_FOLDER = Reason("hidden folder", "hidden folders")
LINKED_FOLDER = Reason("link to a folder", "links to folders")
BROKEN_LINK = Reason("link to nothing", "links to nothing")
OUTSIDE = Reason("link that leads out of the folder", "links that lead out of the folder")
UNREADABLE = Reason("folder that can not be read", "folders that can not be read")
SPECIAL = Reason("FIFO, socket or device", "FIFOs, sockets or devices")
TWICE = Reason("second name of a file", "second names of files")
CAPTIONS = Reason("caption or text file", "caption and text files")
OUTPUT = Reason("folder of this program's output", "folders of this program's output")
IMAGE_OF_VIDEO = Reason("image with the name of a video", "images with the names of videos")
IMAGE_OF_AUDIO = Reason(
    "further image with the name of an audio file", "further images with the names of audio files"
)
COVER = Reason("cover of other media in its folder", "covers of other media in their folders")


def folded(name: str) -> str:
    """A name's form in which names of one meaning are equal: Unicode NFC."""
    return unicodedata.normalize("NFC", name)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Folder:
    """The files of one folder that may be of use."""

    media: tuple[Path, ...]  # in the order of their paths
    captions: tuple[Path, ...]  # files that captions may be in, likewise
    audio_of: dict[Path, Path]  # image -> the audio file of the same name, with which it is one clip


@dataclasses.dataclass(frozen=True, kw_only=True)
class Walk:
    """What a folder holds at any depth."""

    folders: dict[Path, Folder]  # those that were entered
    outside: tuple[Path, ...]  # links that lead out of the folder; counted as left out too
    left_out: Tally  # everything else, by reason

    @property
    def media(self) -> list[Path]:
        """All media files in the order of their paths."""
        return sorted(path for folder in self.folders.values() for path in folder.media)

    @property
    def captions(self) -> list[Path]:
        """All files that captions may be in, likewise."""
        return sorted(path for folder in self.folders.values() for path in folder.captions)

    @property
    def audio_of(self) -> dict[Path, Path]:
        """Image -> audio file, of all pairs."""
        return {image: audio for folder in self.folders.values() for image, audio in folder.audio_of.items()}


def walk_media(root: str | Path, *, output: Path | None = None, is_deep: bool = True) -> Walk:
    """Walks a folder.

    Args:
        root: the folder.
        output: a folder that is not entered, since this program writes to it.
        is_deep: whether its sub-folders are entered; otherwise they count as nothing at all.

    Returns:
        Every file is media, may be captions, or is counted as left out; what is not entered counts as one.
    """
    walker = _Walker(Path(root), output, is_deep)
    waiting = [walker.root]
    while waiting:
        waiting += walker.enter(waiting.pop())
    return walker.walk()


def find_media(root: str | Path, *, output: Path | None = None) -> list[Path]:
    """The media files of a tree in the order of their paths; says how many others there are, and why."""
    walk = walk_media(root, output=output)
    for path in walk.captions:
        walk.left_out.add(CAPTIONS, path.relative_to(root).as_posix())
    say_left_out(walk.left_out)
    return walk.media


@dataclasses.dataclass(frozen=True, order=True)
class _File:
    """A regular file; of several names of one file, that which is no link comes first."""

    is_link: bool
    path: Path
    inode: tuple[int, int] = dataclasses.field(compare=False)
    is_caption: bool = dataclasses.field(compare=False)


class _Walker:
    """One walk."""

    def __init__(self, root: Path, output: Path | None, is_deep: bool):
        self.root = root
        self._real_root, self._is_deep = root.resolve(), is_deep
        self._output = None if output is None or not output.exists() else _inode(output.stat())
        self._folders: list[Path] = []
        self._files: list[_File] = []
        self._outside: list[Path] = []
        self._left_out = Tally()

    def enter(self, folder: Path) -> list[Path]:
        """Sorts the entries of a folder; returns the sub-folders to enter."""
        self._folders.append(folder)
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            self._leave_out(UNREADABLE, folder)
            return []
        inner = []
        for entry in found:
            path = folder / entry.name
            try:
                status = entry.stat()
            except OSError:
                self._leave_out(BROKEN_LINK, path)
                continue
            if not stat.S_ISDIR(status.st_mode):
                self._add(entry, path, status)
            elif self._is_deep and self._may_enter(entry, path, status):
                inner.append(path)
        return inner

    def _may_enter(self, entry: os.DirEntry, path: Path, status: os.stat_result) -> bool:
        for reason, holds in (
            (LINKED_FOLDER, entry.is_symlink()),
            (OUTPUT, _inode(status) == self._output),
            (HIDDEN_FOLDER, entry.name.startswith(".")),
        ):
            if holds:
                self._leave_out(reason, path)
                return False
        return True

    def _add(self, entry: os.DirEntry, path: Path, status: os.stat_result) -> None:
        suffix = path.suffix.lower()
        if entry.name.startswith("."):
            self._leave_out(HIDDEN, path)
        elif not stat.S_ISREG(status.st_mode):
            self._leave_out(SPECIAL, path)
        elif suffix not in MEDIA_SUFFIXES and suffix not in captions.SUFFIXES:
            self._leave_out(UNREAD_CAPTIONS if suffix in _UNREAD_CAPTIONS else UNKNOWN, path)
        elif entry.is_symlink() and not path.resolve().is_relative_to(self._real_root):
            self._outside.append(path)
            self._leave_out(OUTSIDE, path)
        else:
            is_caption = suffix not in MEDIA_SUFFIXES
            self._files.append(_File(entry.is_symlink(), path, _inode(status), is_caption))

    def walk(self) -> Walk:
        media: dict[Path, list[Path]] = {folder: [] for folder in self._folders}
        caption_files: dict[Path, list[Path]] = {folder: [] for folder in self._folders}
        seen = set()
        for file in sorted(self._files):
            if file.is_caption:  # the same words may be those of several media
                caption_files[file.path.parent].append(file.path)
            elif file.inode in seen:
                self._leave_out(TWICE, file.path)
            else:
                seen.add(file.inode)
                media[file.path.parent].append(file.path)
        folders = {
            folder: self._folder(sorted(media[folder]), sorted(caption_files[folder]))
            for folder in self._folders
        }
        return Walk(folders=folders, outside=tuple(self._outside), left_out=self._left_out)

    def _folder(self, media: list[Path], caption_files: list[Path]) -> Folder:
        """Pairs images with the audio of their names, and leaves out covers."""
        audio: dict[str, Path] = {}
        others = set()
        for path in media:
            if path.suffix.lower() in AUDIO_SUFFIXES:
                audio.setdefault(folded(path.stem), path)
            elif path.suffix.lower() not in IMAGE_SUFFIXES:
                others.add(folded(path.stem))
        kept, audio_of, taken = [], {}, set()
        for path in media:
            stem = folded(path.stem)
            if path.suffix.lower() not in IMAGE_SUFFIXES:
                kept.append(path)
            elif stem in others:
                self._leave_out(IMAGE_OF_VIDEO, path)
            elif stem in taken:
                self._leave_out(IMAGE_OF_AUDIO, path)
            elif stem in audio:
                taken.add(stem)
                audio_of[path] = audio[stem]
                kept.append(path)
            elif (audio or others) and _COVERS.fullmatch(stem):
                self._leave_out(COVER, path)
            else:
                kept.append(path)
        return Folder(media=tuple(kept), captions=tuple(caption_files), audio_of=audio_of)

    def _leave_out(self, reason: Reason, path: Path) -> None:
        self._left_out.add(reason, path.relative_to(self.root).as_posix())


def _inode(status: os.stat_result) -> tuple[int, int]:
    """Which file it is, by whatever name."""
    return status.st_dev, status.st_ino
