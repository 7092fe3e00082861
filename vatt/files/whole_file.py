"""Writes files and folders whole or not at all, and never through a link that somebody else has planted.

All that this project writes is written by what is here. What is not finished has a name that nobody can
guess, is made anew (`O_EXCL`) and is locked by its writer for as long as it is being written; so a later
start knows what a killed one left behind, and removes that and nothing else. A name that is ours within a
folder that a user gave must not be a link: it would lead what is written, or removed, to somewhere else.
The folders that users name themselves may well be links.
"""

import contextlib
import errno
import fcntl
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import filelock

_LEFTOVER = re.compile(r"\..*\.vatt-[0-9a-f]{16}\.part")
_NAME_BYTES = 200  # of what a temporary name keeps of the real one: names have at most 255
_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_TRIES = 10  # of making a file or folder that is there a moment later
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_swept: set[str] = set()  # folders that this process has looked through for leftovers


class LinkError(OSError):
    """A link, or something else that is not ours, is at the place of one of our files or folders."""


@contextlib.contextmanager
def whole_file(path: Path, *, is_flushed: bool = True) -> Iterator[IO[bytes]]:
    """A binary file that takes its name only when it is complete.

    Args:
        path: what is there is replaced; a link is, too, and not what it leads to.
        is_flushed: whether it is on the disk before it has its name.

    Raises:
        OSError: it can not be written, such as on a full disk; `filename` is set.
    """
    path = Path(path)
    _sweep(path.parent)
    temporary, descriptor = _new(path, lambda name: os.open(name, _NEW_FILE, 0o666))
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            if is_flushed:
                os.fsync(file.fileno())
            os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.errno is not None and error.filename is None:
            error.filename = str(path)  # of a full disk the system says no name
        raise


def write_text(path: Path, text: str) -> None:
    """Writes a file of UTF-8, whole or not at all; what UTF-8 can not hold becomes a question mark."""
    with whole_file(path) as file:
        file.write(text.encode("utf-8", "replace"))


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder that takes its name only when it is complete; `path` must be free by then.

    Yields the folder to write to, next to `path`.
    """
    path = Path(path)
    with temporary_folder(path.parent, path.name) as folder:
        yield folder
        mask = os.umask(0)
        os.umask(mask)
        folder.chmod(0o777 & ~mask)
        os.rename(folder, path)


@contextlib.contextmanager
def temporary_folder(parent: Path | None = None, name: str = "files") -> Iterator[Path]:
    """A folder for its maker alone, which is removed in the end; leftovers of killed makers are, too.

    Args:
        parent: where; None: where the system keeps temporary files.
        name: of what it is for.
    """
    parent = Path(tempfile.gettempdir() if parent is None else parent)
    remove_leftovers(parent)

    def make(path: Path) -> int | None:
        os.mkdir(path, 0o700)
        with contextlib.suppress(FileNotFoundError):  # see `_new`
            return os.open(path, _FOLDER)
        return None

    folder, descriptor = _new(parent / name, make)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def own_folder(path: Path) -> Path:
    """The folder of ours at `path`, made if it is not there.

    Raises:
        LinkError: a link or a file is there.
    """
    path = Path(path)
    if not os.path.lexists(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            path.mkdir()
    if not stat.S_ISDIR(os.lstat(path).st_mode):
        raise _foreign(path, "folder")
    return path


def lock_file(path: Path) -> filelock.FileLock:
    """The lock at `path`, not taken yet.

    Raises:
        LinkError: a link is there.
    """
    if os.path.islink(path):
        raise _foreign(path, "lock")
    return filelock.FileLock(path)


@contextlib.contextmanager
def appended(path: Path) -> Iterator[IO[str]]:
    """A UTF-8 text file to write more lines to, made if it is not there.

    One that has a second name (a hard link) is replaced by a copy first: the other name keeps what it has.

    Raises:
        LinkError: it is a link, or no file.
    """
    path = Path(path)
    try:
        descriptor = os.open(path, _APPEND, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO):
            raise _foreign(path, "file") from None
        raise
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _foreign(path, "file")
        if found.st_nlink < 2:
            yield file
            return
    content = path.read_bytes()
    with whole_file(path) as copy:
        copy.write(content)
    with appended(path) as file:
        yield file


def take_room(path: Path) -> None:
    """Takes the room of a file that is to be written by a map: a full disk would end the process there.

    Raises:
        OSError: the disk has not so much room.
    """
    with open(path, "rb+") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)


def is_temporary(name: str) -> bool:
    """Whether a file or folder of this name is still being written, or was left unfinished."""
    return _LEFTOVER.fullmatch(name) is not None


def remove_leftovers(directory: Path) -> None:
    """Removes what killed writers left unfinished in a folder; what somebody still writes stays.

    Only names of ours that belong to this user are looked at, and links are not followed. Where the file
    system has no locks, live and dead owners can not be distinguished, and all of it stays.
    """
    try:
        with os.scandir(directory) as entries:
            left = [entry for entry in entries if _LEFTOVER.fullmatch(entry.name)]
    except OSError:
        return
    for entry in left:
        with contextlib.suppress(OSError):
            _remove_if_dead(Path(entry.path))


def _remove_if_dead(path: Path) -> None:
    found = os.lstat(path)
    is_folder = stat.S_ISDIR(found.st_mode)
    if found.st_uid != os.geteuid() or not (is_folder or stat.S_ISREG(found.st_mode)):
        return
    descriptor = os.open(path, _FOLDER if is_folder else os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises where its writer lives
        if is_folder:
            shutil.rmtree(path)
        else:
            path.unlink()
    finally:
        os.close(descriptor)


def _sweep(directory: Path) -> None:
    """Removes leftovers at this process's first use of a folder: scanning every file of it takes time."""
    name = os.path.abspath(directory)
    if name not in _swept:
        _swept.add(name)
        remove_leftovers(directory)


def _new(path: Path, make) -> tuple[Path, int]:
    """(a new path next to `path`, its descriptor), locked.

    Until it is locked, somebody may take it for a leftover and remove it: then there is another.

    Raises:
        OSError: each was gone at once, or the file system knows it by another number than it was made with.
    """
    short = os.fsdecode(os.fsencode(path.name)[:_NAME_BYTES])
    for _ in range(_TRIES):
        temporary = path.with_name(f".{short}.vatt-{secrets.token_hex(8)}.part")
        descriptor = make(temporary)
        if descriptor is None:
            continue
        with contextlib.suppress(OSError):  # no locks here: then nothing is ever taken for a leftover
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            found = os.lstat(temporary)
        except FileNotFoundError:
            found = None
        if found is not None and os.path.samestat(found, os.fstat(descriptor)):
            return temporary, descriptor
        os.close(descriptor)
    raise OSError(
        f"What is made must still be there a moment later. Received: {path.parent}, where {_TRIES} new files "
        "were gone, or were others, at once. Name a folder of another file system, or stop what removes them."
    )


def _foreign(path: Path, kind: str) -> LinkError:
    what = "a link" if os.path.islink(path) else "something else"
    return LinkError(
        f"There must be a {kind} of ours, or nothing. Received: {path}, which is {what}. Look at where it "
        "leads, and remove it; what it leads to was not touched."
    )
