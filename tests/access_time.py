"""Whether a file was read, by its time of access."""

import os
from pathlib import Path

import pytest


def forget(path: Path) -> None:
    """Sets the time of access before that of the last change: then any reading renews it, also with the
    mount option `relatime`."""
    os.utime(path, (0, 10**9))


def assert_was_not_read(path: Path) -> None:
    """Raises if a file was read since `forget`; skips the rest of the test where reading leaves no trace."""
    assert path.stat().st_atime == 0, f"{path} was read"
    path.read_bytes()
    if path.stat().st_atime == 0:
        pytest.skip("this file system does not record when files are read (mounted with noatime)")
