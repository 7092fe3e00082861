"""Writes one shard, and the files that make a directory a prepared set; each appears whole or not at all."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from vatt.files.json_file import read_json
from vatt.files.regular_file import plain_name
from vatt.files.whole_file import whole_file

DATASET_FILE = "dataset.json"
VOCABULARY_FILE = "vocabulary.txt"
SPECIAL_WORDS = ("<pad>", "<unk>")  # ids 0 and 1, vatt.spec.PADDING_ID and UNKNOWN_ID
MAX_WORDS = 1 << 16  # the paper's vocabulary


def write_json(path: Path, content: object) -> None:
    """Writes JSON, one key a line, whole or not at all."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes text as UTF-8, whole or not at all.

    A file's name need not be UTF-8, and JSON may hold half a surrogate pair: "\\udce9" in the file, as JSON
    writes it too.
    """
    with whole_file(path) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def shard_name(split: str, number: int, count: int) -> str:
    """The file of a shard, `number` counted from 0: "train-00000-of-00012.tfrecord"."""
    return f"{split}-{number:05d}-of-{count:05d}.tfrecord"


def offsets_path(shard: Path) -> Path:
    """The file of record starts next to a shard, whose name may also be `train.tfrecord-00000-of-00002`."""
    return shard.with_name(shard.name.removesuffix(".tfrecord") + ".offsets")


def write_shard(
    path: Path, framed_records: Iterable[bytes], *, announce: Callable[[dict], None] = lambda shard: None
) -> dict:
    """Writes framed records in their order, and their offsets (little-endian uint64).

    Args:
        path: the shard.
        framed_records: as `tfrecord.frame` makes them; one at a time is in memory.
        announce: called with what is returned when all is on the disk and nothing has its name yet, so that a
            journal knows of every file that can ever be found.

    Returns:
        What dataset.json says about the shard: file, records, bytes, sha256.
    """
    digest = hashlib.sha256()
    offsets, size = [], 0
    with whole_file(offsets_path(path)) as offsets_file, whole_file(path) as file:
        for framed in framed_records:
            offsets.append(size)
            size += len(framed)
            digest.update(framed)
            file.write(framed)
        offsets_file.write(np.array(offsets, "<u8").tobytes())
        shard = {"file": path.name, "records": len(offsets), "bytes": size, "sha256": digest.hexdigest()}
        announce(shard)
    return shard


def defects(directory: Path, size_of: Callable[[Path], int] = os.path.getsize) -> list[str]:
    """Why the directory is no complete prepared set, by sizes alone (quick); empty when it is one."""
    try:
        expected = _stated_sizes(read_json(directory / DATASET_FILE))
    except (FileNotFoundError, NotADirectoryError):
        return [f"{DATASET_FILE} is missing"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [f"{DATASET_FILE} is damaged"]
    found = []
    for name, size in expected.items():
        try:
            actual = size_of(directory / name)
        except FileNotFoundError:
            found.append(f"{name} is missing")
            continue
        if size is not None and actual != size:
            found.append(f"{name} has {actual} bytes instead of {size}")
    return found


def _stated_sizes(dataset) -> dict[str, int | None]:
    """File -> bytes that it must have, None where any will do."""
    sizes: dict[str, int | None] = {plain_name(dataset["vocabulary"]["file"]): None}
    for split in dataset["splits"].values():
        for shard in split["shards"]:
            name = plain_name(shard["file"])
            sizes |= {name: int(shard["bytes"]), offsets_path(Path(name)).name: 8 * int(shard["records"])}
    return sizes
