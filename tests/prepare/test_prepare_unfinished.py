"""Runs that are stopped, killed or out of room lose nothing and leave nothing behind."""

import dataclasses
import errno
import itertools
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import clip_maker
import filelock
import pytest
from clip_maker import make_clips, prepare, shard_bytes

from vatt.prepare import prepare as prepare_module
from vatt.prepare import writer
from vatt.prepare.errors import PreparationError


def stopped(*_):
    raise KeyboardInterrupt


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_a_run_killed_at_any_file_goes_on(whole, tmp_path):
    out = tmp_path / "out"
    here = Path(clip_maker.__file__).parent
    root = str(here.parents[1])
    for last in (1, 2, 3, 4, 6, 7, 3, 4):  # a shard takes three names, the report two, the vocabulary one
        command = [sys.executable, clip_maker.__file__, tmp_path, out, str(last)]
        killed = subprocess.run(command, env={**os.environ, "PYTHONPATH": root}, stderr=subprocess.PIPE)
        assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
        assert not (out / "dataset.json").exists()
    assert len(list(out.glob("*.tfrecord"))) == 4  # so the last ones were killed in the report and after
    prepare(make_clips(tmp_path), out)
    assert shard_bytes(out) == shard_bytes(whole)
    assert names(out) == names(whole)


def test_a_stopped_run_keeps_its_finished_shards(clips, whole, tmp_path, monkeypatch):
    out = tmp_path / "out"
    write_shard, calls = writer.write_shard, []

    def stop_at_third(path, framed, **options):
        calls.append(path.name)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return write_shard(path, framed, **options)

    monkeypatch.setattr(writer, "write_shard", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        prepare(clips, out)
    assert writer.defects(out) == ["dataset.json is missing"]
    finished = {path: path.stat().st_mtime_ns for path in out.glob("*.tfrecord")}
    assert len(finished) == 2
    prepare(clips, out)
    assert len(calls) == 5
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert shard_bytes(out) == shard_bytes(whole) and names(out) == names(whole)


def test_a_full_disk_is_one_sentence_and_loses_nothing(clips, whole, tmp_path, monkeypatch):
    out = tmp_path / "out"
    fsync, left = os.fsync, itertools.count()

    def full(descriptor):
        if next(left) == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    for last in (1, 2, 3, 7, 9, 1, 2, 3, 4):  # as in the test above; of four in the end, dataset.json is last
        left = itertools.count(last - 1, step=-1)
        with pytest.raises(PreparationError, match=r"out can not be written: the disk is full. What is fini"):
            prepare(clips, out)
        assert not list(out.rglob("*.part")) and not list(out.rglob(".spool*"))
        assert not (out / "dataset.json").exists()
    assert (out / "vocabulary.txt").exists()  # the last one was dataset.json
    prepare(clips, out)
    assert shard_bytes(out) == shard_bytes(whole) and names(out) == names(whole)


def test_a_worker_without_room_stops_the_run(clips, whole, tmp_path):
    out = tmp_path / "out"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # workers inherit it; a record takes more
    try:
        with pytest.raises(PreparationError, match="out can not be written: File too large"):
            prepare(clips, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(out) == [".unfinished"]
    prepare(clips, out)
    assert shard_bytes(out) == shard_bytes(whole) and names(out) == names(whole)


def test_another_plan_keeps_the_shards_that_are_the_same(clips, tmp_path, monkeypatch):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(prepare_module.description, "write_description", stopped)
        with pytest.raises(KeyboardInterrupt):
            prepare(clips, out)
    dates = {path.name: path.stat().st_mtime_ns for path in out.glob("*.tfrecord")}
    clips[0] = dataclasses.replace(clips[0], group="other")
    prepare(clips, out)
    changed = [path.name for path in out.glob("*.tfrecord") if path.stat().st_mtime_ns != dates[path.name]]
    assert changed == ["train-00000-of-00003.tfrecord"]
    prepare(clips, tmp_path / "again")
    assert shard_bytes(out) == shard_bytes(tmp_path / "again")


def test_another_plan_leaves_no_shard_of_the_first(clips, tmp_path, monkeypatch):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(prepare_module.description, "write_description", stopped)
        with pytest.raises(KeyboardInterrupt):
            prepare(clips, out)
    prepare(clips, out, clips_per_shard=100)
    prepare(clips, tmp_path / "again", clips_per_shard=100)
    assert names(out) == names(tmp_path / "again")


def test_one_at_a_time(clips, tmp_path):
    (tmp_path / "out" / ".unfinished").mkdir(parents=True)
    lock = filelock.FileLock(tmp_path / "out" / ".unfinished" / "lock")
    with lock, pytest.raises(PreparationError, match="Another process is preparing"):
        prepare(clips, tmp_path / "out")
