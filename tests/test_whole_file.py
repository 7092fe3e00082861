"""A file appears whole or not at all."""

import pytest

from vatt.whole_file import whole_file


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "x"
    with pytest.raises(OSError, match="disk full"), whole_file(path) as file:
        file.write(b"half")
        raise OSError("disk full")
    assert list(tmp_path.iterdir()) == []


def test_the_old_one_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with whole_file(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new" and list(tmp_path.iterdir()) == [path]
