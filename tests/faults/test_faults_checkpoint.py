"""Faults 4 to 8, and a clock that jumps: what can happen to checkpoints on a disk."""

import os
import resource
import shutil
import time
from pathlib import Path

import pytest
import tensorflow as tf

from vatt.engines.tensorflow.state import State
from vatt.errors import RunError
from vatt.train.checkpoint_folder import CheckpointFolder


@pytest.fixture
def saved(tmp_path):
    """Checkpoints of steps 1, 2 and 3, each of one number, the step."""
    checkpoints, holder = CheckpointFolder(tmp_path / "checkpoints"), tf.Module()
    for step in (1, 2, 3):
        holder.value = tf.Variable(tf.fill([64], float(step)))
        checkpoints.save(step, State(model=holder).snapshot(), facts={"seconds": 1.5 * step})
    return tmp_path / "checkpoints", checkpoints, holder


def test_fault_04_a_bit_flip_anywhere_is_found(saved):
    directory, checkpoints, _ = saved
    for path in sorted(directory.glob("ckpt-3.*")):
        content = path.read_bytes()
        for place in range(0, len(content), max(1, len(content) // 60)):
            for bit in (0, 5):
                flipped = bytearray(content)
                flipped[place] ^= 1 << bit
                path.write_bytes(flipped)
                assert not checkpoints.is_whole(3), (path.name, place, bit)
        path.write_bytes(content)
    assert checkpoints.is_whole(3)


def test_fault_04_the_one_before_is_used_and_the_damage_named(saved, caplog):
    directory, checkpoints, holder = saved
    data = directory / "ckpt-3.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[100] ^= 1
    data.write_bytes(content)
    assert checkpoints.newest() == 2
    assert "ckpt-3.data-00000-of-00001 was changed after it was written" in caplog.text
    assert (directory / "damaged" / data.name).read_bytes() == bytes(content)
    checkpoints.restore(2, State(model=holder))
    assert holder.value[0] == 2.0


@pytest.mark.parametrize("state", ["", 'model_checkpoint_path: "/nowhere/ckpt-9"\n', "\0\0\0"])
def test_fault_05_the_state_file_is_never_believed(saved, state):
    directory, checkpoints, _ = saved
    (directory / "checkpoint").write_text(state)
    assert checkpoints.newest() == 3


def test_fault_06_a_disk_without_room(saved):
    directory, checkpoints, holder = saved
    before = sorted(directory.iterdir())
    holder.value = tf.Variable(tf.zeros([1_000_000]))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # the kernel refuses to write beyond
    try:
        with pytest.raises(RunError, match=r"(?s)step 4 could not be written.*ckpt-3 is whole. Make room"):
            checkpoints.save(4, State(model=holder).snapshot())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(directory.iterdir()) == before
    checkpoints.save(4, State(model=holder).snapshot())
    assert checkpoints.steps() == [2, 3, 4]
    assert not list(directory.glob(".*"))


def test_fault_07_a_directory_that_can_not_be_written_fails_at_once(train, tmp_path, capsys):
    directory = tmp_path / "run"
    directory.mkdir()
    (directory / ".writable").mkdir()  # writing there fails, for any user: the user may be root
    began = time.monotonic()
    assert train(directory) == 2
    assert "must be writable" in capsys.readouterr().err
    assert time.monotonic() - began < 5
    assert not (directory / "checkpoints").exists()


def test_fault_08_an_old_checkpoint_that_can_not_be_deleted(saved, monkeypatch, caplog):
    directory, checkpoints, holder = saved
    unlink = Path.unlink

    def refuse(path, missing_ok=False):
        if path.name.startswith("ckpt-1."):
            raise PermissionError(1, "Operation not permitted", str(path))
        return unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    checkpoints.save(4, State(model=holder).snapshot())
    checkpoints.save(5, State(model=holder).snapshot())
    assert checkpoints.newest() == 5
    assert checkpoints.steps() == [1, 3, 4, 5]
    assert "could not be deleted" in caplog.text


def test_a_clock_that_jumps_changes_nothing(train, finished, tmp_path, monkeypatch):
    directory = shutil.copytree(finished, tmp_path / "run")
    for age, step in enumerate((20, 15, 10)):  # by their times, the oldest is the newest
        for path in (directory / "checkpoints").glob(f"ckpt-{step}.*"):
            os.utime(path, (age * 1e5, age * 1e5))
    assert CheckpointFolder(directory / "checkpoints").newest() == 20
    now, jumps = time.time, iter(range(10**6))
    monkeypatch.setattr(time, "time", lambda: now() - 86_400 * (next(jumps) % 3))
    assert train(directory, "--gin.TRAIN_STEPS=24", "--overwrite_config") == 0
    assert CheckpointFolder(directory / "checkpoints").steps() == [15, 20, 24]
