"""Media as bytes, wherever they are: a file, an object of a store, or a member of a tar file of either.

A worker that decodes has no network. What it wants of a store, the process that started it fetches, by
ranges: so of a long video only the blocks around the wanted seconds are read, and no credentials are where
untrusted files are decoded.
"""

import collections
import io
import os
import re
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

from vatt.files.places import Entry, in_bucket, is_address, open_store

_MEMBER = re.compile(r"(.+)\0(\d+)\+(\d+)\0([^\0]*)", re.DOTALL)  # no path holds a zero
_BLOCK_BYTES = 1 << 18
_CACHED_BLOCKS = 1 << 9  # 128 MiB
_MOST_AHEAD = 1 << 5  # blocks fetched at once while a file is read from its start to its end


class Member(NamedTuple):
    """A part of a file that is a file of its own."""

    holder: str  # path or address of a tar file
    start: int  # byte
    size: int  # bytes
    name: str  # with the ending that says what it is

    def __str__(self) -> str:
        """As `Clip.media` holds it."""
        return f"{self.holder}\0{self.start}+{self.size}\0{self.name}"


class MediaPath(str):
    """A path or address of media among the arguments of a task: the worker may read what it names, and gets
    it as plain text."""

    def __reduce__(self) -> tuple:
        return str, (str(self),)

    @property
    def files(self) -> tuple[str]:
        """See `vatt.prepare.pool`."""
        return (str(self),)


def member_of(path: str | os.PathLike[str]) -> Member | None:
    """The member that a path of media means; None: it is a file, or an object."""
    found = _MEMBER.fullmatch(os.fspath(path))
    return None if found is None else Member(found[1], int(found[2]), int(found[3]), found[4])


def is_plain(path: str | os.PathLike[str]) -> bool:
    """Whether the path is one of this machine's file system."""
    return member_of(path) is None and not is_address(os.fspath(path))


def shown(path: object) -> str:
    """The path in messages."""
    found = member_of(path) if isinstance(path, str) else None
    return str(path) if found is None else f"{found.holder}/{found.name}"


def addresses(path: str) -> set[str]:
    """The objects of stores that reading the media needs."""
    found = member_of(path)
    holder = path if found is None else found.holder
    return {holder} if is_address(holder) else set()


def state(path: str) -> tuple[int, int]:
    """(bytes, what changes with the content); FileNotFoundError: it is not there."""
    found = member_of(path)
    if found is not None:
        return found.size, found.start
    if is_address(path):
        entry = STORES.entry(path)
        return entry.size, int.from_bytes(entry.tag.encode()[:16], "big")
    status = Path(path).stat()
    return status.st_size, status.st_mtime_ns


def size(path: str | os.PathLike[str]) -> int:
    """Bytes of the media."""
    found = member_of(path)
    if found is not None:
        return found.size
    return _source.size(os.fspath(path)) if is_address(os.fspath(path)) else os.path.getsize(path)


def opened(path: str | os.PathLike[str]) -> IO[bytes]:
    """The media's bytes, to read and to seek in."""
    found = member_of(path)
    if found is None and not is_address(os.fspath(path)):
        return open(path, "rb")
    holder, start, length, _ = found or Member(os.fspath(path), 0, size(path), "")
    read = _reader(holder)
    part = _Part(os.fspath(path), lambda at, count: read(start + at, count), length)
    return io.BufferedReader(part, _BLOCK_BYTES)


def _reader(holder: str) -> Callable[[int, int], bytes]:
    if is_address(holder):
        return lambda at, count: _source.read(holder, at, count)
    file = open(holder, "rb", buffering=0)  # noqa: SIM115 (closed with the last that reads of it)
    return lambda at, count: os.pread(file.fileno(), count, at)


class _Part(io.RawIOBase):
    """Bytes that a function from place and count gives; `name` is what `opened` was asked for."""

    def __init__(self, name: str, read: Callable[[int, int], bytes], length: int):
        self.name, self._read, self._length, self._at = name, read, length, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer) -> int:
        wanted = min(len(buffer), self._length - self._at)
        content = self._read(self._at, wanted) if wanted > 0 else b""
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)


class StoreBlocks:
    """Objects of stores by blocks, of which the latest are kept; more at once of what is read in order."""

    def __init__(self):
        self._blocks: collections.OrderedDict[tuple[str, int], bytes] = collections.OrderedDict()
        self._entries: dict[str, Entry] = {}
        self._next: dict[
            str, tuple[int, int]
        ] = {}  # of an object: block behind what came last, how many those were
        self._alone = threading.Lock()

    def entry(self, address: str) -> Entry:
        """What the store said of an object when it was first asked."""
        if address not in self._entries:
            self._entries[address] = self.entry_now(address)
        return self._entries[address]

    def entry_now(self, address: str) -> Entry:
        """The same, asked again."""
        bucket, name = in_bucket(address)
        return open_store(bucket).entry(name)

    def listed(self, folder: str) -> list[str]:
        """Names of the objects directly below an address; what the store says of them is kept."""
        bucket, under = in_bucket(folder)
        found = open_store(bucket).entries(under, is_deep=False)
        self.know(bucket, found)
        return sorted(name.rpartition("/")[2] for name in found)

    def know(self, address: str, entries: Mapping[str, Entry]) -> None:
        """What a store has said of the objects below an address needs not be asked again."""
        self._entries |= {f"{address}/{name}": entry for name, entry in entries.items()}

    def knows(self, address: str) -> bool:
        """Whether a store has said anything of an object."""
        return address in self._entries

    def size(self, address: str) -> int:
        """Bytes of an object."""
        return self.entry(address).size

    def read(self, address: str, start: int, count: int) -> bytes:
        """Bytes of an object, fewer at its end."""
        count = min(count, self.size(address) - start)
        if count <= 0:
            return b""
        first, last = start // _BLOCK_BYTES, (start + count - 1) // _BLOCK_BYTES
        content = b"".join(self._block(address, number) for number in range(first, last + 1))
        return content[start - first * _BLOCK_BYTES :][:count]

    def _block(self, address: str, number: int) -> bytes:
        with self._alone:
            found = self._blocks.get((address, number))
            if found is not None:
                self._blocks.move_to_end((address, number))
                return found
            expected, before = self._next.get(address, (-1, 0))
            count = min(2 * before, _MOST_AHEAD) if number == expected else 1
            self._next[address] = number + count, count
        bucket, name = in_bucket(address)
        start = number * _BLOCK_BYTES
        content = open_store(bucket).read(name, start, min(count * _BLOCK_BYTES, self.size(address) - start))
        with self._alone:
            for place in range(0, len(content), _BLOCK_BYTES):
                block = content[place : place + _BLOCK_BYTES]
                self._blocks[address, number + place // _BLOCK_BYTES] = block
            while len(self._blocks) > _CACHED_BLOCKS:
                self._blocks.popitem(last=False)
        return content[:_BLOCK_BYTES]


STORES = StoreBlocks()
_source = STORES


def source() -> Any:
    """What this process asks for objects."""
    return _source


def read_through(source: Any) -> None:
    """From now on this process asks `source`, which has `size` and `read`, for objects."""
    global _source
    _source = source
