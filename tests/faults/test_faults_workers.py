"""Several workers: one is asked to stop, one dies, and the run goes on with another number of them."""

import json
import signal
import socket
import time
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

STRATEGY = '--gin.run.strategy="multi_worker"'


def addresses(count):
    """Free ports of this machine."""
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    names = [f"localhost:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return ",".join(names)


def start_both(start, directory, *flags, **second):
    """A chief and another worker, which may get a signal."""
    flags = (STRATEGY, f"--workers={addresses(2)}", *flags)
    chief = start(directory, *flags, "--worker=0")
    other = start(directory, *flags, "--worker=1", **second)
    return chief, other


def test_two_workers_stop_together_lose_one_and_end_as_one(start, train, finished, weights, newest, tmp_path):
    directory = tmp_path / "run"

    # SIGTERM at one of them: both save and leave after the same step.
    chief, other = start_both(start, directory, signal=signal.SIGTERM, at=6)
    told, _ = chief.communicate(timeout=400)
    others_told, _ = other.communicate(timeout=100)
    assert (chief.returncode, other.returncode) == (0, 0), told + others_told
    step = newest(directory)
    assert 6 <= step <= 8
    for each in (told, others_told):
        assert f"Stopped at step {step} of 20; saved." in each

    # One dies: the other says so and ends.
    chief, other = start_both(start, directory, signal=signal.SIGKILL, at=12)
    other.communicate(timeout=400)
    began = time.monotonic()
    told, _ = chief.communicate(timeout=120)
    assert time.monotonic() - began < 90
    assert other.returncode == -signal.SIGKILL
    assert chief.returncode == 75  # try again
    assert "must be there to take a step. Worker 0 lost worker 1 (localhost:" in told, told
    assert "Start all of them again" in told and "Waiting for all of 2 workers: localhost:" in told, told
    assert "Worker 0 of 2" in told and "rows 0 to 1 of every batch of 4; it writes" in told, told
    assert newest(directory) == 10

    # Alone on one device it goes on, and ends where an undisturbed run of one process ends.
    assert train(directory) == 0
    ours, single = weights(directory), weights(finished)
    assert ours.keys() == single.keys()
    for name, value in single.items():
        np.testing.assert_allclose(ours[name], value, rtol=1e-5, atol=1e-5, err_msg=name)
    lines = [json.loads(line) for line in (directory / "journal.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == sorted({line["step"] for line in lines})


def until_idle(number):
    """Waits until a process has used (nearly) no processor for a second."""
    used, before = processor_ticks(number), -100
    while used - before > 2:
        time.sleep(1)
        used, before = processor_ticks(number), used


def processor_ticks(number):
    """Hundredths of a second that a process has computed; Linux only."""
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_ctrl_c_ends_one_that_waits_for_the_others(start, tmp_path):
    waiting = start(tmp_path / "run", STRATEGY, f"--workers={addresses(2)}", "--worker=0")
    while "Waiting for all of 2 workers" not in waiting.stdout.readline():
        assert waiting.poll() is None
    until_idle(waiting.pid)  # in TensorFlow's own code, which Python's signal handlers do not reach
    waiting.send_signal(signal.SIGINT)
    waiting.communicate(timeout=20)
    assert waiting.returncode == -signal.SIGINT


def test_workers_of_two_configurations_do_not_begin(start, tmp_path):
    places = ("--workers=" + addresses(2), STRATEGY)
    chief = start(tmp_path / "run", *places, "--worker=0")
    other = start(tmp_path / "run", *places, "--worker=1", "--gin.SEED=1")
    told, _ = chief.communicate(timeout=400)
    others_told, _ = other.communicate(timeout=100)
    assert (chief.returncode, other.returncode) == (2, 2), told + others_told
    assert "Worker 1 has another than worker 0 (worker 0: SEED = 0; here: SEED = 1)." in others_told
    assert "One of them is not, and says why." in told
    assert not (tmp_path / "run" / "journal.jsonl").exists()


PREEMPTION = "--gin.Execution.preemption=@Preemption()"


def test_notice_to_one_of_two_workers_ends_both(start, train, finished, weights, newest, tmp_path):
    """PreemptionCheckpointHandler under MultiWorkerMirroredStrategy; then one process goes on."""
    directory = tmp_path / "run"
    chief, other = start_both(start, directory, PREEMPTION, signal=signal.SIGTERM, at=6)
    told, _ = chief.communicate(timeout=400)
    others_told, _ = other.communicate(timeout=100)
    assert (chief.returncode, other.returncode) == (0, 0), told + others_told
    step = newest(directory)
    assert 7 <= step <= 9  # at least one step more, so that all can agree
    for each in (told, others_told):
        assert f"Stopped at step {step} of 20; saved." in each
    assert not list(directory.glob(".preemption*")) and not list(directory.glob("checkpoints/workertemp*"))

    assert train(directory, "--overwrite_config") == 0
    ours, single = weights(directory), weights(finished)
    assert ours.keys() == single.keys()
    for name, value in single.items():
        np.testing.assert_allclose(ours[name], value, rtol=1e-5, atol=1e-5, err_msg=name)


def test_notice_under_a_strategy_of_one_process(start, train, finished, assert_equal, newest, tmp_path):
    """PreemptionCheckpointHandler under MirroredStrategy: it goes on bit for bit."""
    directory = tmp_path / "run"
    flags = (PREEMPTION, '--gin.run.strategy="mirrored"')
    child = start(directory, *flags, signal=signal.SIGTERM, at=8)
    told, _ = child.communicate(timeout=240)
    assert child.returncode == 0, told
    assert newest(directory) == 9 and "Stopped at step 9 of 20; saved. To resume:" in told
    child = start(directory, *flags)
    told, _ = child.communicate(timeout=240)
    assert child.returncode == 0, told
    assert_equal(finished, directory)
