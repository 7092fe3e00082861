"""A file or a folder appears whole or not at all, through no link, and what a killed writer left goes."""

import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.leftovers import leftover
from vatt.files import whole_file as module
from vatt.files.whole_file import (
    LinkError,
    appended,
    lock_file,
    own_folder,
    remove_leftovers,
    temporary_folder,
    whole_file,
    whole_folder,
)

# A writer that is killed in the middle of a file and a folder.
_KILLED = """\
import os, pathlib, signal, sys
from vatt.files.whole_file import whole_file, whole_folder
place = pathlib.Path(sys.argv[1])
with whole_file(place / "file") as file, whole_folder(place / "folder") as folder:
    (folder / "half").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


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


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    with whole_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("a")
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out" / "a").read_text() == "a"
    with pytest.raises(OSError, match="disk full"), whole_folder(tmp_path / "other") as folder:
        (folder / "a").write_text("a")
        raise OSError("disk full")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o777 & ~_mask()


def _mask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("name", ["x" * 255, "ß" * 127, os.fsdecode(b"\xff" * 255)])
def test_names_of_any_length(tmp_path, name):
    with whole_file(tmp_path / name) as file:
        file.write(b"new")
    assert (tmp_path / name).read_bytes() == b"new"


def test_names_can_not_be_guessed_and_are_made_anew(tmp_path):
    seen = set()
    for _ in range(3):
        with temporary_folder(tmp_path, "x") as folder, whole_file(tmp_path / "y"):
            seen |= {path.name for path in tmp_path.iterdir()}
            assert folder.stat().st_mode & 0o777 == 0o700
    unfinished = seen - {"y"}
    assert len(unfinished) == 6
    assert all(re.fullmatch(r"\.[xy]\.vatt-[0-9a-f]{16}\.part", name) for name in unfinished)


def test_a_name_that_somebody_has_taken_is_not_written_to(tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.write_text("theirs")
    leftover(tmp_path / "x").symlink_to(victim)  # as if it had been guessed
    monkeypatch.setattr(module.secrets, "token_hex", lambda _: "0123456789abcdef")
    with pytest.raises(FileExistsError), whole_file(tmp_path / "x"):
        pass
    with pytest.raises(FileExistsError), temporary_folder(tmp_path, "x"):
        pass
    assert victim.read_text() == "theirs"


def test_a_folder_that_is_taken_for_a_leftover_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    make, taken = os.mkdir, []

    def make_and_lose(path, *arguments):
        make(path, *arguments)
        if not taken:
            taken.append(path)
            remove_leftovers(tmp_path)

    monkeypatch.setattr(module.os, "mkdir", make_and_lose)
    with temporary_folder(tmp_path, "x") as folder:
        assert not taken[0].exists() and folder.is_dir()


def test_where_nothing_new_stays_the_reason_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(os.path, "samestat", lambda one, other: False)  # inode numbers that change
    for make in (whole_file, whole_folder):
        with pytest.raises(OSError, match="must still be there a moment later"), make(tmp_path / "new"):
            pass


def test_a_link_at_the_place_is_replaced_and_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("theirs")
    (tmp_path / "x").symlink_to(victim)
    with whole_file(tmp_path / "x") as file:
        file.write(b"ours")
    assert victim.read_text() == "theirs" and (tmp_path / "x").read_text() == "ours"
    assert not (tmp_path / "x").is_symlink()


def test_folders_locks_and_logs_of_ours_are_no_links(tmp_path):
    victim, folder = tmp_path / "victim", tmp_path / "theirs"
    victim.write_text("theirs")
    folder.mkdir()
    (tmp_path / "unfinished").symlink_to(folder)
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    (tmp_path / "journal").symlink_to(victim)
    for name in ("unfinished", "dangling", "victim"):
        with pytest.raises(LinkError, match=f"folder of ours, or nothing. Received: .*{name}"):
            own_folder(tmp_path / name)
    with pytest.raises(LinkError, match="lock of ours"):
        lock_file(tmp_path / "journal")
    with pytest.raises(LinkError, match="file of ours.*which is a link"), appended(tmp_path / "journal"):
        pass
    os.mkfifo(tmp_path / "fifo")
    for name in ("fifo", "theirs"):
        with pytest.raises(OSError), appended(tmp_path / name):  # noqa: PT011 (each system has its number)
            pass
    assert victim.read_text() == "theirs" and not list(folder.iterdir())
    assert own_folder(tmp_path / "a" / "b").is_dir() and own_folder(tmp_path / "a" / "b").is_dir()


def test_lines_are_added_to_the_own_name_alone(tmp_path):
    for word in "ab":
        with appended(tmp_path / "log") as file:
            file.write(word)
    os.link(tmp_path / "log", tmp_path / "second name")
    with appended(tmp_path / "log") as file:
        file.write("c")
    assert (tmp_path / "log").read_text() == "abc" and (tmp_path / "second name").read_text() == "ab"


def test_what_a_killed_writer_left_goes_at_the_next_start_and_the_rest_stays(tmp_path):
    process = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], cwd=Path(__file__).parents[2])
    assert process.returncode == -signal.SIGKILL and len(list(tmp_path.iterdir())) == 2
    theirs = [".file.part", ".x.vatt-12.part", "file.vatt-0123456789abcdef.part"]
    for name in theirs:
        (tmp_path / name).touch()
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "file").touch()
    leftover(tmp_path / "link").symlink_to(victim)
    with temporary_folder(tmp_path, "alive") as alive, whole_file(tmp_path / "alive too"):
        living = sorted(tmp_path.glob(".alive*"))
        remove_leftovers(tmp_path)
        assert sorted(tmp_path.glob(".alive*")) == living and alive in living and len(living) == 2
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*theirs, "victim", "alive too", leftover(tmp_path / "link").name}
    assert (victim / "file").exists()


def test_the_first_file_of_a_process_in_a_folder_clears_it(tmp_path):
    leftover(tmp_path / "report.html").write_text("half")
    with whole_file(tmp_path / "other"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_without_locks_nothing_is_taken_for_a_leftover(tmp_path, monkeypatch):
    def none(*_):
        raise OSError("no locks on this file system")

    monkeypatch.setattr(module.fcntl, "flock", none)
    leftover(tmp_path / "x").touch()
    remove_leftovers(tmp_path)
    with whole_file(tmp_path / "y") as file:
        file.write(b"y")
    assert leftover(tmp_path / "x").exists() and (tmp_path / "y").read_bytes() == b"y"


def test_an_error_of_a_full_disk_names_the_file(tmp_path):
    with pytest.raises(OSError, match=r"No space left.*facts\.json"), whole_file(tmp_path / "facts.json"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # as a write says it, without a name
    assert list(tmp_path.iterdir()) == []
