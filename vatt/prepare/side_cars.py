"""Finds the caption file beside a media file, by its name."""

import os
from collections import defaultdict
from pathlib import Path

from vatt.prepare.captions import SUBTITLE_SUFFIXES, SUFFIXES


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
            if suffix not in SUFFIXES or name.startswith("."):
                continue
            plain[path.stem].append(path)
            if suffix in SUBTITLE_SUFFIXES:
                with_language[Path(path.stem).stem if Path(path.stem).suffix else ""].append(path)
        return plain, with_language
