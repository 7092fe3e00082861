"""Faults 1, 2, 3, 16: runs that are killed, stopped, repeated."""

import re
import signal
import subprocess
import sys
import time

import pytest

from tests.faults.conftest import ROOT


@pytest.mark.slow
def test_fault_01_a_killed_run_continues_bit_for_bit(start, train, finished, assert_equal, newest, tmp_path):
    directory = tmp_path / "run"
    child = start(directory, signal=signal.SIGKILL, at=12)
    child.communicate(timeout=240)
    assert child.returncode == -signal.SIGKILL
    assert newest(directory) in (5, 10)  # that of step 10 is written while training goes on
    assert train(directory) == 0
    assert_equal(finished, directory)
    assert_equal(finished, directory, step=15)


_SAVER = """\
import os, random, signal, sys, time
from pathlib import Path
import tensorflow as tf  # once; every child is forked before TensorFlow's runtime starts
from vatt.engines.tensorflow.state import State
from vatt.train.checkpoint_folder import CheckpointFolder

directory, done = Path(sys.argv[1]), Path(sys.argv[2])
draw = random.Random(0)
for start in range(20):
    before = int(done.read_text() or 0) if done.exists() else 0
    child = os.fork()
    if child == 0:
        checkpoints, holder = CheckpointFolder(directory, keep=2), tf.Module()
        step = checkpoints.newest() or 0
        holder.value = tf.Variable(tf.fill([300_000], float(step)))
        if step:
            holder.value.assign(tf.zeros_like(holder.value))
            checkpoints.restore(step, State(model=holder))
            assert float(tf.reduce_min(holder.value)) == float(tf.reduce_max(holder.value)) == step
        assert before <= step <= before + 1, (before, step)  # the last one that was reported, or the next
        while True:
            step += 1
            holder.value.assign(tf.fill([300_000], float(step)))
            checkpoints.save(step, State(model=holder).snapshot())
            done.with_suffix(".new").write_text(str(step))
            done.with_suffix(".new").replace(done)
    deadline = time.monotonic() + 30
    while not done.exists() or int(done.read_text()) == before:
        assert time.monotonic() < deadline and os.waitpid(child, os.WNOHANG)[0] == 0
        time.sleep(0.005)
    time.sleep(draw.uniform(0, 0.1))
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
last = int(done.read_text())
assert CheckpointFolder(directory).newest() in (last, last + 1)
assert len(list(directory.iterdir())) <= 3 * 3  # two kept, one that a kill left beyond, no litter
print("saved", last)
"""


@pytest.mark.slow
def test_fault_02_twenty_kills_during_saves(tmp_path):
    call = [sys.executable, "-c", _SAVER, str(tmp_path / "checkpoints"), str(tmp_path / "done")]
    told = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, timeout=400)
    assert told.returncode == 0, told.stderr
    assert int(told.stdout.split()[-1]) >= 20


@pytest.mark.slow
def test_fault_03_sigterm_saves_and_ends_with_status_0(
    start, train, finished, assert_equal, newest, tmp_path
):
    directory = tmp_path / "run"
    child = start(directory, signal=signal.SIGTERM, at=8)
    told, _ = child.communicate(timeout=240)
    assert child.returncode == 0, told
    seconds = time.monotonic() - float(re.search(r"signalled at (\S+)", told)[1])
    assert seconds < 10, f"{seconds:.1f} s from the signal to the end"
    assert "Stopped at step 8 of 20; saved. To resume:" in told
    assert newest(directory) == 8
    assert train(directory) == 0
    assert_equal(finished, directory)


@pytest.mark.slow
def test_fault_16_threads_change_nothing(start, finished, assert_equal, tmp_path):
    one_thread = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}
    child = start(tmp_path / "run", environment=one_thread)
    told, _ = child.communicate(timeout=240)
    assert child.returncode == 0, told
    assert_equal(finished, tmp_path / "run")


def test_fault_16_the_seed_decides(train, finished, weights, assert_equal, tmp_path):
    assert train(tmp_path / "same") == 0
    assert_equal(finished, tmp_path / "same")
    assert train(tmp_path / "other", "--gin.SEED=1") == 0
    ours, others = weights(finished), weights(tmp_path / "other")
    differing = [name for name in ours if not (ours[name] == others[name]).all()]
    assert any("kernel" in name for name in differing)
