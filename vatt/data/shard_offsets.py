"""Where the records of a shard start, and which of them can be read at all.

TensorFlow's reader asks for as much memory as a record's length says once the checksum of that length is
right, and ends the process where there is not so much. So each length is compared with the shard's size
before TensorFlow sees the record.
"""

import concurrent.futures
import dataclasses
import logging
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vatt.files.places import Entry, open_store

_log = logging.getLogger(__name__)

_OFFSET_BYTES = 8
_LENGTH = struct.Struct("<Q")  # first field of a TFRecord frame
_FRAMING_BYTES = 16  # length, CRC of the length, …, CRC of the content
_THREADS = 16  # on a network's disk each length is a wait


@dataclasses.dataclass(frozen=True)
class ShardRecords:
    """The records of one shard."""

    starts: np.ndarray  # int64 [records], bytes
    # bool [records]; False where a record starts outside the shard, or claims more than it has
    fits: np.ndarray
    sizes: np.ndarray  # int64 [records], bytes up to the next record, frame included


def read_all(directory: Path, shards: Sequence[dict]) -> list[ShardRecords]:
    """The records of shards as `dataset.json` describes them; ValueError where a shard is missing, has
    another size than stated, or its records can not be found.
    """
    with concurrent.futures.ThreadPoolExecutor(_THREADS) as threads:
        return list(threads.map(lambda shard: _read(directory, shard), shards))


def read_stored(address: str, directory: Path, shards: Sequence[dict]) -> list[ShardRecords]:
    """The same of shards in an object store, from their `.offsets` files, which are in `directory`: a length
    is what lies between two starts, and compared with the record when that is fetched.
    """
    found, read = open_store(address).entries(), []
    for shard in shards:
        _refuse_other_size(f"{address}/{shard['file']}", found.get(shard["file"]), shard)
        starts = _stated(directory / shard["file"], shard)
        if starts is None:
            raise ValueError(
                f"A shard in a store must have its .offsets file next to it. Received: "
                f"{address}/{shard['file']} without one of the right size. Copy it there, or prepare "
                "the set again."
            )
        read.append(_within(starts, shard, np.diff(starts, append=shard["bytes"])))
    return read


def read_lines(directory: Path, shards: Sequence[dict]) -> list[ShardRecords]:
    """The same of shards whose records are lines that say what records are made of."""
    read = []
    for shard in shards:
        path = directory / shard["file"]
        _refuse_other_size(path, Entry(path.stat().st_size, "") if path.is_file() else None, shard)
        starts = _stated(path, shard)
        if starts is None:
            raise ValueError(
                f"Every {shard['file']} must have its .offsets file. Received: none of the right size in "
                f"{directory}. Prepare the set again."
            )
        read.append(_within(starts, shard, np.diff(starts, append=shard["bytes"])))
    return read


def _refuse_other_size(path: object, found: Any, shard: dict) -> None:
    """`found`: what has a `size`; None where nothing is there."""
    if found is None or found.size != shard["bytes"]:
        state = "missing" if found is None else f"{found.size} bytes long"
        raise ValueError(
            f"Every shard must have the size that dataset.json states. Received: {path} is {state}, expected "
            f"{shard['bytes']} bytes. Copy it again, or delete the directory and prepare the set again."
        )


def _within(starts: np.ndarray, shard: dict, sizes: np.ndarray) -> ShardRecords:
    """Records of these sizes, of which those that reach out of the shard, or below 16 bytes, do not fit."""
    inside = (starts >= 0) & (starts <= shard["bytes"] - _FRAMING_BYTES)
    room = np.where(inside, shard["bytes"] - starts, 0)
    return ShardRecords(starts, inside & (sizes >= _FRAMING_BYTES) & (sizes <= room), sizes)


def scan_offsets(path: Path, most: int | None = None) -> np.ndarray:
    """Where each record of a shard starts, int64 [records] in bytes, by stepping from length to length; it
    stops when there are more than `most`.
    """
    size, offsets, offset = path.stat().st_size, [], 0
    with open(path, "rb") as file:
        while offset < size and (most is None or len(offsets) <= most):
            offsets.append(offset)
            file.seek(offset)
            offset += _LENGTH.unpack(file.read(_LENGTH.size).ljust(_LENGTH.size, b"\xff"))[0] + _FRAMING_BYTES
    if offset > size or (offset != size and most is None):
        raise ValueError(
            f"To find the records of a shard without its .offsets file, every length in it must be intact. "
            f"Received: {path}, damaged at byte {offsets[-1]} or before. Copy both files again, or prepare "
            f"the set again."
        )
    return np.asarray(offsets, np.int64)


def _read(directory: Path, shard: dict) -> ShardRecords:
    path = directory / shard["file"]
    found = Entry(path.stat().st_size, "") if path.is_file() else None
    _refuse_other_size(path, found, shard)
    starts = _stated(path, shard)
    if starts is None:
        starts = scan_offsets(path, most=shard["records"])
        if len(starts) != shard["records"]:
            raise ValueError(
                f"A shard must hold the records that dataset.json states. Received: {path} with "
                f"{len(starts)}{' or more' if len(starts) > shard['records'] else ''}, "
                f"expected {shard['records']}. Prepare the set again."
            )
    inside = (starts >= 0) & (starts <= shard["bytes"] - _FRAMING_BYTES)
    lengths = np.minimum(_lengths(path, np.where(inside, starts, 0)), np.uint64(1 << 62)).astype(np.int64)
    return _within(starts, shard, lengths + _FRAMING_BYTES)


def _stated(path: Path, shard: dict) -> np.ndarray | None:
    """What the `.offsets` file says; None, with a warning, where there is none of the right size."""
    # Not `with_suffix`: all shards named train.tfrecord-00000-of-00002 would share one file.
    stated = path.with_name(path.name.removesuffix(".tfrecord") + ".offsets")
    if stated.is_file() and stated.stat().st_size == _OFFSET_BYTES * shard["records"]:
        return np.fromfile(stated, "<i8")
    _log.warning("%s is missing or has not the right size: looking for the records in the shard", stated)
    return None


def _lengths(path: Path, starts: np.ndarray) -> np.ndarray:
    """What the records state as their lengths, uint64 [records]."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        read = [os.pread(descriptor, _LENGTH.size, start) for start in starts.tolist()]
    finally:
        os.close(descriptor)
    return np.frombuffer(b"".join(each.ljust(_LENGTH.size, b"\xff") for each in read), "<u8")
