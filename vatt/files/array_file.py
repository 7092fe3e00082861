"""Reads NumPy's `.npy` and `.npz` files that nobody vouches for, sizes checked before memory is asked for.

NumPy itself believes the shape in a header, and what goes wrong in one is a dozen kinds of exception. No
pickles: a pickle is a program.
"""

import io
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np

from vatt.files.regular_file import NotRegularError, open_regular

MAX_BYTES = 1 << 30  # of an archive, packed and unpacked


class ArrayFileError(ValueError):
    """A file of arrays that can not be used; the message names it, and `problem` is what is wrong."""

    def __init__(self, path: str | Path, problem: str):
        super().__init__(
            f"A file of arrays must be as NumPy writes it. Received: {path}: {problem}. "
            "Copy it again, or make it again."
        )
        self.problem = problem


def read_npy(path: str | Path, *, is_mapped: bool = False) -> np.ndarray:
    """The array of a `.npy` file.

    Args:
        is_mapped: map it (read-only) instead of reading it; an array of no values is read.

    Raises:
        ArrayFileError: it is something else, or shorter than its header says.
        OSError: it is not there, or may not be read.
    """
    file = _opened(path)
    try:
        with file:
            shape, dtype = _header(file, Path(path).stat().st_size)
            if is_mapped and math.prod(shape):
                return np.load(path, mmap_mode="r", allow_pickle=False)
            file.seek(0)
            return np.lib.format.read_array(file, allow_pickle=False)
    except ArrayFileError:
        raise
    except Exception as error:  # NumPy, zipfile, zlib, ast and tokenize have their own, and OSError too
        raise ArrayFileError(path, _words(error)) from error


def read_npz(path: str | Path, *, max_bytes: int = MAX_BYTES) -> Mapping[str, np.ndarray]:
    """The arrays of a `.npz` file by name, all of them in memory.

    Args:
        max_bytes: of it, and of what it unpacks to.

    Raises:
        ArrayFileError: it is something else, larger, or damaged.
        OSError: it is not there, or may not be read.
    """
    file = _opened(path)
    try:
        with file, zipfile.ZipFile(file) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked > max_bytes:
                raise ArrayFileError(path, f"it unpacks to {unpacked:,} bytes, more than {max_bytes:,}")
            return {
                member.filename.removesuffix(".npy"): _unpacked(archive.read(member))
                for member in archive.infolist()
            }
    except ArrayFileError:
        raise
    except Exception as error:  # NumPy, zipfile, zlib, ast and tokenize have their own, and OSError too
        raise ArrayFileError(path, _words(error)) from error


def _opened(path) -> IO[bytes]:
    try:
        return open_regular(path)
    except NotRegularError as error:
        raise ArrayFileError(path, error.problem) from error


def _unpacked(content: bytes) -> np.ndarray:
    file = io.BytesIO(content)
    _header(file, len(content))
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


def _header(file: IO[bytes], size: int) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type, after a check of the file's size."""
    version = np.lib.format.read_magic(file)
    reader = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if reader is None:
        raise ValueError(f"version {version} of the format is not read")
    shape, _, dtype = reader(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are programs")
    if any(length < 0 for length in shape):
        raise ValueError(f"shape {shape} has a negative length")
    stated, found = math.prod(shape) * dtype.itemsize, size - file.tell()
    if stated > found:
        raise ValueError(f"its header states {stated:,} bytes, {found:,} are there")
    if math.prod(shape) > size:  # of a type of no bytes, as "V0"
        raise ValueError(f"its header states {math.prod(shape):,} values in a file of {size:,} bytes")
    return shape, dtype


def _words(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
