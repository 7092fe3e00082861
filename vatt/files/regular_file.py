"""Reads files whose content nobody vouches for: regular files only, of a bounded size.

A FIFO would wait for ever, a device may never end, and a folder is no file. A link is followed, as every
program follows one that its user names; what untrusted folders may link to is decided by their reader.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_CHUNK_BYTES = 1 << 16


class NotRegularError(ValueError):
    """A path that is no regular file, or one that is too large.

    Attributes:
        problem: what it is instead, as a part of a sentence.
    """

    def __init__(self, rule: str, path: str | Path, problem: str):
        super().__init__(f"{rule} Received: {path}: {problem}. Check what is there.")
        self.problem = problem


def open_regular(path: str | Path) -> IO[bytes]:
    """Opens a file for reading without ever waiting for somebody who writes it.

    Raises:
        NotRegularError: it is a FIFO, a folder, a socket or a device.
        OSError: it is not there, or may not be read.
    """
    path = Path(path)
    _check_kind(path, path.stat())
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    file = os.fdopen(os.open(path, flags), "rb")
    try:
        _check_kind(path, os.fstat(file.fileno()))  # it may have been replaced in between
    except BaseException:
        file.close()
        raise
    return file


def read_regular(path: str | Path, *, max_bytes: int) -> bytes:
    """The content of a regular file of at most `max_bytes`, checked before memory is asked for.

    Raises:
        NotRegularError: it is none, or larger.
        OSError: it is not there, or may not be read.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = bytearray()
        # One byte more than it had says that it grew; files of /proc say 0 and have content.
        while size <= max_bytes and (chunk := file.read(max(_CHUNK_BYTES, size + 1 - len(content)))):
            content += chunk
            size = max(size, len(content))
    if size > max_bytes:
        rule = f"A file of this kind must have at most {max_bytes:,} bytes."
        raise NotRegularError(rule, path, f"it has at least {size:,} bytes, more than {max_bytes:,}")
    return bytes(content)


def plain_name(value: object) -> str:
    """The name of a file next to the description that names it: no path, which could lead anywhere.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, str) or value in ("", ".", "..") or set(value) & {"/", "\\", "\0"}:
        raise ValueError(
            f"A file must be named by its name alone, without a folder. Received: {value!r:.100}. "
            "Put it into the folder of the file that names it."
        )
    return value


def bounded_lines(file: IO[bytes], max_bytes: int) -> Iterator[bytes]:
    """The lines of a file; of one longer than `max_bytes` what is behind that is left out."""
    while line := file.readline(max_bytes):
        yield line
        while len(line) == max_bytes and not line.endswith(b"\n"):
            line = file.readline(max_bytes)


def _check_kind(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise NotRegularError("This must be a regular file.", path, f"it is {kind}")
