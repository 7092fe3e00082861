"""The media that the user has, by name: one walk over a folder, however the files are arranged in it.

Published sets are kept flat, in class folders, in split folders, as mp4 or webm, as the downloader
liked it. Their files' names without the ending are what annotation files agree on, so that is looked up.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

# What the published sets come in; of several files with one name, the earlier ending is taken.
VIDEO = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v", ".flv", ".mpg", ".mpeg", ".3gp", ".ogv", ".wmv")
AUDIO = (".wav", ".flac", ".m4a", ".mp3", ".ogg", ".opus", ".aac")
IMAGES = (".jpeg", ".jpg", ".png")


class MediaIndex:
    """Media files below a folder, by endings in lower case, the preferred first. Links to folders are
    followed; hidden files and folders are left out.
    """

    def __init__(self, root: str | Path, suffixes: Sequence[str]):
        self.root = Path(root)
        self.suffixes = tuple(suffixes)
        if not self.root.is_dir():
            raise NotADirectoryError(
                f"`--media` must be the folder with the media files. Received: {root}, which is no folder."
            )
        self._paths: dict[str, list[str]] = {}
        for folder, names in _walk(str(self.root)):
            for name in names:
                stem, suffix = os.path.splitext(name)
                if suffix.lower() in self.suffixes and not name.startswith("."):
                    self._paths.setdefault(stem, []).append(os.path.join(folder, name))

    def __len__(self) -> int:
        return sum(map(len, self._paths.values()))

    def stems(self) -> Iterator[str]:
        """Every name without its ending, in order."""
        return iter(sorted(self._paths))

    def find(self, stem: str, folder: str = "") -> str:
        """Path of the file called `stem` plus one of the endings; "" where there is none. Of several, one in
        such a `folder` ("abseiling", "training/abseiling") is preferred; underscores and blanks count as
        the same.
        """
        paths = self._paths.get(stem)
        if not paths:
            return ""
        if len(paths) == 1:
            return paths[0]
        return min(paths, key=lambda path: (not _lies_in(path, folder), self._rank(path), path))

    def _rank(self, path: str) -> int:
        return self.suffixes.index(os.path.splitext(path)[1].lower())


def _walk(root: str) -> Iterator[tuple[str, list[str]]]:
    """(folder, names of its files), in the order of names; a folder that is linked in twice, once."""
    seen = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        place = os.stat(folder)
        if (place.st_dev, place.st_ino) in seen:
            folders.clear()
            continue
        seen.add((place.st_dev, place.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield folder, names


def _lies_in(path: str, folder: str) -> bool:
    wanted = folder.replace(" ", "_").split("/") if folder else []
    parts = os.path.dirname(path).replace(" ", "_").split(os.sep)
    return parts[len(parts) - len(wanted) :] == wanted
