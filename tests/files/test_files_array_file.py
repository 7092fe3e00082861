"""Arrays are read or refused before memory is asked for."""

import io
import os
import zipfile

import numpy as np
import pytest

from vatt.files.array_file import ArrayFileError, read_npy, read_npz
from vatt.resident_memory import peak

VALUES = np.arange(12, dtype="float32").reshape(3, 4)


def header(shape, descr="<f4"):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue()


@pytest.mark.parametrize(
    "array", [VALUES, np.asfortranarray(VALUES), np.zeros((0, 4)), np.float64(2), np.array(["ü"])]
)
@pytest.mark.parametrize("is_mapped", [False, True])
def test_arrays_come_back(tmp_path, array, is_mapped):
    np.save(tmp_path / "a.npy", array)
    found = read_npy(tmp_path / "a.npy", is_mapped=is_mapped)
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype and isinstance(found, np.memmap) == (is_mapped and array.size > 0)


def test_archives_come_back(tmp_path):
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", one=VALUES, **{"in/two": np.array("words")})
        found = read_npz(tmp_path / "a.npz")
        assert found.keys() == {"one", "in/two"} and str(found["in/two"]) == "words"
        np.testing.assert_array_equal(found["one"], VALUES)


CLAIMS = {
    "a shape of 2^40": (header((2**40,)), "4,398,046,511,104 bytes, 0 are there"),
    "a shape that overflows": (header((2**40, 2**40)), "0 are there"),
    "a negative length": (header((-1, 4)), "negative length"),
    "values of no bytes": (header((2**60,), "|V0"), "values in a file of"),
    "pickled objects": (header((1,), "|O") + b"\x80\x04.", "Python objects"),
    "brackets without end": (b"\x93NUMPY\x01\x00\x70\x17" + b"(" * 6000, ""),
    "signs without end": (b"\x93NUMPY\x01\x00\x70\x17" + b"-" * 6000, ""),
    "nothing": (b"", ""),
    "something else": (b"root:x:0:0:root:/root:/bin/bash\n", "magic"),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_what_a_header_claims_is_compared_with_the_file(tmp_path, claim):
    content, problem = CLAIMS[claim]
    (tmp_path / "a.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", content)
    before = peak()
    for name, read in {"a.npy": read_npy, "a.npz": read_npz}.items():
        with pytest.raises(ArrayFileError, match=f"Received: .*{name}: .*{problem}"):
            read(tmp_path / name)
    assert peak() - before < 100e6


def test_an_archive_that_swells_is_refused_by_its_directory(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", header((2**20,)) + bytes(2**22))
    assert read_npz(tmp_path / "a.npz")["a"].shape == (2**20,)
    with pytest.raises(ArrayFileError, match="unpacks to 4,194,432 bytes, more than 1,000,000"):
        read_npz(tmp_path / "a.npz", max_bytes=1_000_000)


def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for read in (read_npy, read_npz):
        with pytest.raises(ArrayFileError, match="it is a FIFO"):
            read(tmp_path / "fifo")
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "none")
