"""Reads the records of a TFRecord shard without TensorFlow, checks every checksum, and continues after
damage.

Each record's length leads to the next one. Where a length is damaged, the `.offsets` file next to the shard
says where to continue; without it the rest of the shard can not be separated.
"""

import dataclasses
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from vatt.prepare.tfrecord import masked_crc
from vatt.prepare.writer import offsets_path

_HEADER = struct.Struct("<QI")  # length of the content, masked CRC of those eight bytes
_CRC = struct.Struct("<I")
FRAMING_BYTES = _HEADER.size + _CRC.size
_GZIP, _ZLIB = b"\x1f\x8b", b"\x78\x9c"


@dataclasses.dataclass(frozen=True)
class Stored:
    """One record as it is in a shard."""

    number: int  # its place among the records that could be separated, from 0
    offset: int  # of its frame, in bytes
    content: bytes | None  # what the frame holds; None where it is damaged
    damage: str = ""  # what is wrong with the frame; "" where nothing is
    end: int | None = None  # where the next record starts; None where the length can not be believed


def stated_offsets(shard: Path) -> np.ndarray | None:
    """What the `.offsets` file next to a shard says, int64 [records] in bytes; None without a whole one."""
    try:
        content = offsets_path(shard).read_bytes()
    except OSError:
        return None
    return np.frombuffer(content, "<i8") if len(content) % 8 == 0 else None


def read_shard(shard: Path, hints: np.ndarray | None = None) -> Iterator[Stored]:
    """All records of a shard, in order. Where records may start, in bytes, rising, is used only to continue
    after a damaged length.
    """
    size, number, at = shard.stat().st_size, 0, 0
    with open(shard, "rb") as file:
        while at < size:
            stored = _read(file, number, at, size)
            following = stored.end
            if following is None:
                after = [] if hints is None else hints[(hints > at) & (hints < size)].tolist()
                following = after[0] if after else size
                if not after and following - at > FRAMING_BYTES:
                    lost = f"{stored.damage}; where the next record starts is unknown: {size - at} bytes lost"
                    stored = dataclasses.replace(stored, damage=lost)
            yield stored
            number, at = number + 1, following


def read_record(shard: Path, offset: int) -> Stored:
    """The record that starts at an offset."""
    with open(shard, "rb") as file:
        return _read(file, 0, offset, shard.stat().st_size)


def read_frame(file: IO[bytes], size: int) -> Stored:
    """The one record of an open file of `size` bytes."""
    return _read(file, 0, 0, size)


def _read(file: IO[bytes], number: int, at: int, size: int) -> Stored:
    """The record at a place."""

    def damaged(why: str, end: int | None = None) -> Stored:
        return Stored(number, at, None, why, end)

    file.seek(at)
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return damaged(f"the file ends within a frame, {size - at} bytes into it")
    length, crc = _HEADER.unpack(header)
    if masked_crc(header[:8]) != crc:
        is_packed = at == 0 and header.startswith((_GZIP, _ZLIB))
        packed = " (the file seems to be compressed: unpack it first)" if is_packed else ""
        return damaged(f"the checksum of its length is wrong{packed}")
    if length > size - at - FRAMING_BYTES:
        return damaged(f"the file ends within its {length} bytes")
    content, end = file.read(length), at + FRAMING_BYTES + length
    if _CRC.unpack(file.read(_CRC.size))[0] != masked_crc(content):
        return damaged("the checksum of its content is wrong", end)
    return Stored(number, at, content, end=end)
