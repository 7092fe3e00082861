"""Only regular files of a bounded size are read; nothing waits for who never writes."""

import os
import socket

import pytest

from vatt.files.regular_file import NotRegularError, open_regular, read_regular


def test_a_file_is_read_as_it_is(tmp_path):
    for content in (b"", b"a", b"x" * 200_000):
        (tmp_path / "file").write_bytes(content)
        assert read_regular(tmp_path / "file", max_bytes=200_000) == content


def test_a_link_that_its_user_names_is_followed(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link", max_bytes=10) == b"content"


def test_what_is_larger_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "sparse"
    path.touch()
    os.truncate(path, 1 << 43)  # no machine has the memory
    with pytest.raises(NotRegularError, match=r"at most 1,000 bytes.*8,796,093,022,208 bytes"):
        read_regular(path, max_bytes=1000)


def test_files_whose_size_is_not_known_beforehand_are_bounded_too():
    if not os.path.exists("/proc/self/maps"):
        pytest.skip("no /proc, whose files say that they are empty")
    assert b"[stack]" in read_regular("/proc/self/maps", max_bytes=1 << 24)
    with pytest.raises(NotRegularError, match="at most 10 bytes"):
        read_regular("/proc/self/maps", max_bytes=10)


def test_no_fifo_folder_socket_or_device_is_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    os.mkfifo("fifo")
    os.mkdir("folder")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        for path, kind in {
            "fifo": "a FIFO",
            "folder": "a folder",
            "socket": "a socket",
            "/dev/zero": "a device",
        }.items():
            with pytest.raises(NotRegularError, match=f"regular file. Received: {path}: it is {kind}"):
                open_regular(path)


def test_a_fifo_put_in_a_files_place_meanwhile_is_met_without_waiting(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"content")
    real_open = os.open

    def swapped(name, flags, *rest):
        path.unlink()
        os.mkfifo(path)
        return real_open(name, flags, *rest)

    monkeypatch.setattr(os, "open", swapped)
    with pytest.raises(NotRegularError, match="a FIFO"):
        open_regular(path)


def test_absent_files_are_absent(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "none", max_bytes=10)
