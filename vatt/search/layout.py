"""An index on the disk: `index.json`, and next to it a folder of memory-mapped matrices.

    INDEX/index.json     what it was made of and with: the files with their rows, the model's fingerprint
    INDEX/rows-000007/   one array for each column: times, which modalities, a matrix for each space
    INDEX/rows-000007/captions.sqlite   the captions of the files, for full-text search
    INDEX/rows-000007/video.video_text.faiss   lists of near rows, where they were asked for
    INDEX/unfinished/    embeddings of files that a run which was stopped has finished
    INDEX/heard/         what an engine has heard in files without captions, see `vatt.search.heard`
    INDEX/text_model/    the model's text encoder, where it was asked for

A run writes a new folder of rows, then replaces `index.json`, then removes the old folder: a process that
reads meets one or the other, and a run that is killed changes nothing.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vatt.embed.looks import SIDE
from vatt.files.array_file import ArrayFileError, read_npy
from vatt.files.json_file import JsonError, read_json
from vatt.files.whole_file import take_room, whole_file
from vatt.search.screen import LEAST_ROWS, quantise

SCHEMA = 2
READ_SCHEMAS = (1, 2)  # 1 has no captions, small frames, cuts and calibration
INDEX_FILE = "index.json"
TEXT_MODEL = "text_model"
_MOST_BYTES = 2 << 30  # of `index.json`, which names every file
DTYPES = ("float32", "float16")
TIMES = ("start_seconds", "end_seconds")
FLAGS = ("has_video", "has_audio")
FRAMES = "frames"  # see `vatt.embed.looks`

# What `index.json` must say, and of what kind.
_FILE = {"path": str, "sha256": str, "bytes": int, "changed_ns": int, "windows": int, "first": int}
_FACTS = {
    **{"root": str, "generation": int, "rows": int, "model": dict, "signature": str, "dtype": str},
    **{"widths": dict, "files": list, "failed": list},
}
_FAILED = {"path": str, "bytes": int, "changed_ns": int, "reason": str}
_SCREEN = {"scale": float, "error": float, "norm": float}
_LISTS = {"probes": int, "recall": float, "trained": int}
_CALIBRATION = {"weights": dict, "windows": int, "captions": int}
_MODEL = {"path": str, "fingerprint": str}


class BadIndexError(ValueError):
    """An index that can not be used, with what to do about it."""


def read_facts(directory: Path) -> dict:
    """The content of `index.json`.

    Raises:
        BadIndexError: there is none, or not one of ours.
    """
    path = directory / INDEX_FILE
    try:
        facts = read_json(path, max_bytes=_MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        raise BadIndexError(
            f"There must be an index. Received: {directory}, without {INDEX_FILE}. Make one: "
            f"`vatt index DIR {directory} --model RUN`."
        ) from None
    except JsonError as error:
        raise _damaged(path, error.problem) from None
    if not isinstance(facts, dict) or facts.get("schema") not in READ_SCHEMAS:
        found = facts.get("schema") if isinstance(facts, dict) else None
        raise BadIndexError(
            f"An index must be of schema {SCHEMA} or older, which this version reads. Received: {found!r} in "
            f"{path}. Make the index again: `vatt index` with --rebuild."
        )
    try:
        _check_facts(facts)
    except ValueError as error:
        raise _damaged(path, error) from None
    return facts


def _check_facts(facts: Mapping[str, Any]) -> None:
    """Checks that `index.json` says what the rest relies on, so that a damaged or forged one is refused.

    Raises:
        ValueError: saying which is not so.
    """
    _check_fields(facts, _FACTS, "")
    _check_fields(facts["model"], _MODEL, "model: ")
    for name, width in facts["widths"].items():
        if type(width) is not int or not 0 < width <= 1 << 20:
            raise ValueError(f"`widths` must be numbers of values, but {name!r} has {width!r}")
    if facts["dtype"] not in DTYPES:
        raise ValueError(f"`dtype` must be one of {', '.join(DTYPES)}, but it is {facts['dtype']!r}")
    first = 0
    for file in facts["files"]:
        _check_fields(file, _FILE, "a file: ")
        if file["first"] != first or file["windows"] < 0:
            raise ValueError(f"the rows of {file['path']!r} do not follow those of the file before it")
        first += file["windows"]
    if first != facts["rows"] or facts["generation"] < 0:
        raise ValueError(f"its files have {first} rows, and `rows` says {facts['rows']}")
        for cut in file.get("cuts", ()):
            if type(cut) not in (int, float) or not cut >= 0:
                raise ValueError(f"the cuts of {file['path']!r} must be seconds, but one is {cut!r:.60}")
    for entry in facts["failed"]:
        _check_fields(entry, _FAILED, "a failed file: ")
    for name, screen in facts.get("screens", {}).items():
        _check_fields(screen, _SCREEN, f"the screen of {name}: ")
    for name, lists in (facts.get("lists") or {}).items():
        _check_fields(lists, _LISTS, f"the lists of {name}: ")
    if facts.get("calibration") is not None:
        _check_fields(facts["calibration"], _CALIBRATION, "calibration: ")


def _check_fields(found, kinds: Mapping[str, type], where: str) -> None:
    if not isinstance(found, Mapping):
        raise ValueError(f"{where}it must be an object")
    for name, kind in kinds.items():
        if type(found.get(name)) is not kind:
            raise ValueError(
                f"{where}`{name}` must be of kind {kind.__name__}, but it is {found.get(name)!r:.60}"
            )


def _damaged(path: Path, problem: object) -> BadIndexError:
    return BadIndexError(f"{path} is damaged: {problem}. Make the index again: `vatt index` with --rebuild.")


def write_facts(directory: Path, facts: Mapping) -> None:
    """Replaces `index.json`."""
    with whole_file(directory / INDEX_FILE) as file:
        file.write(json.dumps(facts, indent=1).encode())


def rows_folder(directory: Path, generation: int) -> Path:
    """The folder of the matrices of a generation."""
    return directory / f"rows-{generation:06}"


def last_generation(directory: Path) -> int:
    """The highest number of any folder of rows, of a run that was killed too; 0 without one."""
    numbers = (folder.name.removeprefix("rows-") for folder in directory.glob("rows-*"))
    return max((int(number) for number in numbers if number.isdecimal()), default=0)


def column_path(folder: Path, name: str) -> Path:
    """The file of a column; "video/video_text" has a "." instead of the "/"."""
    return folder / f"{name.replace('/', '.')}.npy"


def lists_path(folder: Path, name: str) -> Path:
    """The file of the lists of near rows of a column, see `vatt.search.approximate`."""
    return column_path(folder, name).with_suffix(".faiss")


class RowsWriter:
    """A new generation of rows, filled file by file.

    Args:
        rows: windows in all.
        widths: "modality/space" -> D.
        dtype: of the vectors, one of `DTYPES`.
        frames: small frames of a window; 0: none are kept.
    """

    def __init__(self, folder: Path, *, rows: int, widths: Mapping[str, int], dtype: str, frames: int = 0):
        self._folder, self._rows = folder, rows
        self._columns = {
            **{name: self._new(name, np.float64, ()) for name in TIMES},
            **{name: self._new(name, np.bool_, ()) for name in FLAGS},
            **{name: self._new(name, np.dtype(dtype), (width,)) for name, width in widths.items()},
        }
        self._matrices = tuple(widths)
        if frames:
            self._columns[FRAMES] = self._new(FRAMES, np.uint8, (frames, SIDE, SIDE))

    def _new(self, name, dtype, shape):
        shape = (self._rows, *shape)
        if not self._rows:  # an empty file can not be mapped
            np.save(column_path(self._folder, name), np.zeros(shape, dtype))
            return np.zeros(shape, dtype)
        path = column_path(self._folder, name)
        column = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
        take_room(path)
        return column

    def put(self, first: int, columns: Mapping[str, np.ndarray]) -> None:
        """Writes the rows of a file; a column that it lacks stays zero."""
        for name, values in columns.items():
            if name in self._columns:
                self._columns[name][first : first + len(values)] = values

    def close(self) -> dict[str, dict[str, float]]:
        """Makes the screens of large matrices, brings everything to the disk; returns their attributes."""
        screens = {}
        for name in self._matrices if self._rows >= LEAST_ROWS else ():
            column = f"{name}.int8"
            self._columns[column] = self._new(column, np.int8, self._columns[name].shape[1:])
            screens[name] = quantise(self._columns[name], self._columns[column])
        for column in self._columns.values():
            if isinstance(column, np.memmap):
                column.flush()
        self._columns = {}
        return screens


def open_rows(folder: Path, facts: Mapping) -> dict[str, np.ndarray]:
    """The columns of a generation, mapped: [N] times and flags, [N, D] of each "modality/space".

    Raises:
        FileNotFoundError: a column is not there, as where another run has just replaced the generation.
        BadIndexError: one can not be read.
    """
    rows, columns = facts["rows"], {}
    expected: dict[str, tuple[str, tuple[int, ...]]] = {}
    expected |= dict.fromkeys(TIMES, ("f", (rows,))) | dict.fromkeys(FLAGS, ("b", (rows,)))
    expected |= {name: ("f", (rows, width)) for name, width in facts["widths"].items()}
    if facts.get("frames"):
        expected[FRAMES] = ("u", (rows, facts["frames"], SIDE, SIDE))
    expected |= {
        f"{name}.int8": ("i", (rows, facts["widths"].get(name, 0))) for name in facts.get("screens", {})
    }
    for name, (kind, shape) in expected.items():
        path = column_path(folder, name)
        try:
            columns[name] = read_npy(path, is_mapped=True)
        except FileNotFoundError:
            raise
        except (OSError, ArrayFileError) as error:
            raise _damaged(path, getattr(error, "problem", error)) from error
        found = columns[name]
        if found.dtype.kind != kind or found.shape != shape:
            stated = f"it has shape {found.shape} of {found.dtype}, where {INDEX_FILE} states {shape}"
            raise _damaged(path, stated)
    return columns


def remove_others(directory: Path, generation: int) -> None:
    """Removes the rows that `index.json` does not name: older ones, and those of a run that was killed."""
    for folder in directory.glob("rows-*"):
        if folder.is_symlink():  # none of ours; what it leads to stays
            folder.unlink()
        elif folder != rows_folder(directory, generation):
            shutil.rmtree(folder, ignore_errors=True)
