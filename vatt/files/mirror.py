"""A folder of this machine that stands for what lies below an address of an object store.

What a run, an export or an index writes needs renames, appends and locks, which a store has not. So it is
written to a folder, and the folder's files that changed are sent: first what counts for nothing by itself,
then indexes, last descriptions, by which readers know what is whole. A process that is killed in between
leaves the store as it was, with some files more that nobody looks at. Temporary files of
`vatt.files.whole_file` stay here.
"""

import contextlib
import os
import shutil
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from vatt.files.places import Entry, StoreError, divided, is_address, open_store, plain
from vatt.files.whole_file import is_temporary, temporary_folder
from vatt.terminal import shown_as

LOCKS = (".lock", ".writable")  # of a folder of this machine; a store has `vatt.files.store_lock`
_DESCRIPTIONS = ("dataset.json", "index.json")
_LOOKS = 3  # at what is there, where it changes while it is read


class Mirror:
    """A folder and the objects below an address, brought to be the same by `pull` and by `push`.

    Args:
        address: of the store.
        folder: that nobody else writes to by a mirror.
        only: of all that is there the one object or folder of this name; "" for all.
        skips: names that are neither fetched nor sent, by what they begin with.
    """

    def __init__(self, address: str, folder: Path, *, only: str = "", skips: Sequence[str] = ()):
        self.address, self.folder = address, Path(folder)
        self._store, self._only, self._skips = open_store(address), only, tuple(skips)
        self._tags: dict[str, str] = {}  # of objects that the folder has
        self._sent: dict[str, tuple[int, int]] = {}  # bytes and date of files that the store has
        self.listed: dict[str, Entry] = {}  # what was there at the last `pull`
        self.elsewhere: dict[str, int] = {}  # bytes of objects that the folder has not
        self._alone = threading.Lock()

    def pull(self, wanted: Callable[[str], bool] = lambda name: True) -> None:
        """Fetches what the folder has not, or has otherwise, of the wanted names, and removes what the store
        has no more.

        Raises:
            StoreError: the store does not answer, or the disk has not enough room.
        """
        with self._alone:
            for look in range(_LOOKS):
                try:
                    return self._pull(wanted)
                except FileNotFoundError:  # replaced since it was listed
                    if look + 1 == _LOOKS:
                        raise

    def _pull(self, wanted) -> None:
        found = self._store.entries(self._only)
        if self._only:
            with contextlib.suppress(FileNotFoundError):
                found[self._only] = self._store.entry(self._only)
        self.listed = found
        names = {name for name in found if wanted(name) and self._counts(name)}
        self.elsewhere = {name: found[name].size for name in found if not wanted(name)}
        for name in self._sent.keys() - names:
            (self.folder / name).unlink(missing_ok=True)
            del self._sent[name]
            self._tags.pop(name, None)
        new = [name for name in names if self._tags.get(name) != found[name].tag]
        needed, free = sum(found[name].size for name in new), shutil.disk_usage(self.folder).free
        if needed > free:
            raise StoreError(
                f"What is fetched must fit on the disk. Received: {self.address} with {needed:,} bytes, "
                f"while {self.folder} has {free:,} left. Set TMPDIR to a larger disk."
            )
        for name in sorted(new, key=_rank):
            path = self.inside(name)
            self._store.download(name, path, found[name].size)
            self._tags[name], self._sent[name] = found[name].tag, _state(path)

    def push(self) -> None:
        """Sends what changed since the last time, what makes it count last, then removes what is gone."""
        with self._alone:
            here = dict(self._files())
            for name in sorted(here, key=_rank):
                if self._sent.get(name) == here[name]:
                    continue
                try:
                    self._store.write(name, self.folder / name)
                except FileNotFoundError:  # it was there a moment ago: removed with all that belongs to it
                    continue
                self._sent[name] = here[name]
            gone = [name for name in self._sent if not (self.folder / name).exists()]
            self._store.delete(sorted(gone, key=_rank, reverse=True))
            for name in gone:
                del self._sent[name]
                self._tags.pop(name, None)

    def leave(self, name: str) -> None:
        """Removes a file that was sent from the folder, and not from the store."""
        with self._alone:
            self.elsewhere[name] = self._sent.pop(name)[0]
            self._tags.pop(name, None)
            (self.folder / name).unlink()

    def remove(self, name: str) -> None:
        """Removes an object that the folder has not."""
        self._store.delete([name])
        self.elsewhere.pop(name, None)

    def _files(self) -> Iterator[tuple[str, tuple[int, int]]]:
        for root, folders, names in os.walk(self.folder):
            folders[:] = [each for each in folders if not is_temporary(each)]
            for name in names:
                path = Path(root, name)
                relative = path.relative_to(self.folder).as_posix()
                if self._counts(relative) and not is_temporary(name):
                    with contextlib.suppress(FileNotFoundError):
                        if stat.S_ISREG(path.lstat().st_mode):
                            yield relative, _state(path)

    def _counts(self, name: str) -> bool:
        within = name.removeprefix(f"{self._only}/") if self._only else name
        return PurePosixPath(name).name not in LOCKS and not within.startswith(self._skips)

    def inside(self, name: str) -> Path:
        """Where an object belongs; writers to the store may have named it anything."""
        if ".." in name.split("/") or name.startswith("/") or "\0" in name:
            raise StoreError(f"An object's name must be a path below {self.address}. Received: {name!r}.")
        return self.folder / name


def _state(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_size, found.st_mtime_ns


def _rank(name: str) -> tuple[int, str]:
    """Sorts names so that what makes others count comes last."""
    path = PurePosixPath(name)
    if path.name in _DESCRIPTIONS:
        return 3, name
    return {".index": 1, ".json": 2, ".pb": 2}.get(path.suffix, 0), name


@contextlib.contextmanager
def here(path: str | os.PathLike[str], *, skips: Sequence[str] = ()) -> Iterator[Path]:
    """A path of this machine for a file or folder that may lie in a store, to read within the block."""
    text = plain(path)
    if not is_address(text):
        yield Path(text)
        return
    with localised([text], skips=skips, is_sent=False) as (found,):
        yield Path(found)


@contextlib.contextmanager
def localised(
    arguments: Sequence[str], *, skips: Sequence[str] = (), is_sent: bool = True
) -> Iterator[list[str]]:
    """The arguments of a command with paths of this machine instead of addresses, within the block.

    What lies below an address is fetched first; what the command has changed is sent when it ends without an
    error. An option may be written --name=ADDRESS.
    """
    with contextlib.ExitStack() as stack:
        given, mirrors = [], []
        for argument in arguments:
            option, mark, value = argument.partition("=") if argument.startswith("--") else ("", "", argument)
            value = plain(value)
            if is_address(value):
                holder, name = divided(value)
                folder = stack.enter_context(temporary_folder(name="store"))
                stack.enter_context(shown_as(str(folder), holder))
                mirror = Mirror(holder, folder, only=name, skips=skips)
                mirror.pull()
                mirrors.append(mirror)
                value = str(folder / name)
            given.append(f"{option}{mark}{value}")
        yield given
        if is_sent:
            for mirror in mirrors:
                mirror.push()
