"""The files that a manifest names: in folders, in object stores, in other spellings of their paths."""

import os
import posixpath
import unicodedata
from collections import Counter
from pathlib import Path

from vatt.files.places import in_bucket, is_address
from vatt.prepare import media_file
from vatt.prepare.planning import Planning, Reason, unique_names
from vatt.prepare.walk import folded

OTHER_SPELLING = Reason(
    "file was found under another spelling of its path",
    "files were found under other spellings of their paths",
)
_ASKED_SINGLY = 16  # objects of one folder; then the folder is listed, a thousand objects in one request


class NamedFiles:
    """Each is looked for once; paths that are spelt otherwise where the files are go to `planning`.

    A store that does not answer is a `StoreError`: its files are not missing.

    Args:
        folder: path or address that names are relative to.
        planning: what was found under another spelling is written to it.

    Attributes:
        missing: what was looked for and is not there.
    """

    def __init__(self, folder: str, planning: Planning):
        self.missing: set[str] = set()
        self._folder, self._planning = folder, planning
        self._found: dict[str, str] = {}
        self._listed: dict[str, dict[str, list[str]]] = {}  # by folder and `_key`
        self._asked: Counter[str] = Counter()  # objects, by folder

    def find(self, name: str) -> str:
        """The file or object that a name means, or where it was looked for if there is none.

        A path that leads nowhere is looked for in other spellings: Unicode NFC and NFD, "/" for a backslash,
        and the ending in other capital letters.
        """
        if name not in self._found:
            self._found[name] = self._look_for(name)
        return self._found[name]

    def media_ids(self) -> dict[str, str]:
        """File -> name in the set: the path below the manifest's folder if the file is there, so that the set
        can be moved.
        """
        root = _absolute(self._folder).rstrip("/")
        names = {path: _absolute(path).removeprefix(f"{root}/") for path in self._found.values()}
        return dict(zip(names, unique_names(list(names.values())), strict=True))

    def _look_for(self, name: str) -> str:
        media = self._joined(name)
        if self._is_there(media):
            return media
        for spelling in dict.fromkeys((name, name.replace("\\", "/"))):
            for form in ("NFC", "NFD"):
                path = self._joined(unicodedata.normalize(form, spelling))
                folder, last = os.path.split(path)
                others = self._listing(folder).get(_key(last), ())
                found = [path] if self._is_there(path) else [each for each in others if self._is_there(each)]
                if len(found) == 1:
                    self._planning.decided.add(OTHER_SPELLING, f"{name}: {found[0]}")
                    return found[0]
        self.missing.add(media)
        return media

    def _joined(self, name: str) -> str:
        if is_address(name):
            return name
        if is_address(self._folder):
            bucket, below = in_bucket(self._folder)
            return f"{bucket}{posixpath.normpath(f'/{below}/{name}')}"
        media, root = Path(self._folder, name), Path(self._folder).absolute()
        if media.is_absolute() and media.is_relative_to(root):  # the same, however the folder is named
            media = self._folder / media.relative_to(root)
        return str(media)

    def _is_there(self, path: str) -> bool:
        if not is_address(path):
            return os.path.isfile(path)
        folder = os.path.dirname(path)
        self._asked[folder] += 1
        if self._asked[folder] == _ASKED_SINGLY:
            media_file.STORES.listed(folder)
        if self._asked[folder] >= _ASKED_SINGLY:
            return media_file.STORES.knows(path)
        try:
            return bool(in_bucket(path)[1]) and media_file.STORES.size(path) >= 0
        except FileNotFoundError:
            return False

    def _listing(self, folder: str) -> dict[str, list[str]]:
        if folder not in self._listed:
            listed: dict[str, list[str]] = {}
            for name in _names(folder):
                listed.setdefault(_key(name), []).append(os.path.join(folder, name))
            self._listed[folder] = listed
        return self._listed[folder]


def _absolute(path: str) -> str:
    return path if is_address(path) else str(Path(path).absolute())


def _names(folder: str) -> list[str]:
    if is_address(folder):
        return media_file.STORES.listed(folder)
    try:
        return sorted(os.listdir(folder or "."))
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return []


def _key(name: str) -> str:
    stem, suffix = os.path.splitext(folded(name))
    return stem + suffix.lower()
