import concurrent.futures
import contextlib
import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pool_tasks
import pytest

from vatt.prepare import media_file
from vatt.prepare.media_file import MediaPath
from vatt.prepare.pool import Failure, OutsideError, WorkerPool, heartbeat


def running():
    """Number -> parent of all processes that have not ended; Linux only."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended since
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            if state not in "ZX":
                found[int(path.parent.name)] = int(parent)
    return found


def children():
    """Numbers of the processes that this one has started and that run."""
    return {number for number, parent in running().items() if parent == os.getpid()}


def until_gone(number):
    """Waits until a process has ended."""
    end = time.monotonic() + 20
    while number in running():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_results_come_in_order_and_prints_do_not_disturb():
    with WorkerPool(workers=2) as pool:
        results = [result for _, result in pool.run(pool_tasks.square, ((n,) for n in range(50)))]
    assert results == [n * n for n in range(50)]


def test_one_bad_task_costs_only_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tasks = [("fine",), ("die",), ("raise",), ("hang",), ("crash",), ("bug",), ("fine",)]
    with WorkerPool(workers=2, timeout_seconds=3.0) as pool:
        results = [result for _, result in pool.run(pool_tasks.misbehave, tasks)]
    assert isinstance(results[0], int) and isinstance(results[6], int)
    assert "signal 9" in results[1].reason
    assert results[2].reason == "told to" and isinstance(results[2].error, ValueError)
    assert "no sign of life for more than 3 s" in results[3].reason
    assert "signal 11, Segmentation fault" in results[4].reason
    assert "KeyError" in results[5].reason and isinstance(results[5], Failure)
    assert not list(tmp_path.iterdir())  # no core file


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit what a process maps")
def test_a_task_that_devours_memory_fails_and_its_worker_goes_on():
    with WorkerPool(workers=1, memory_bytes=1 << 29) as pool:
        results = [r for _, r in pool.run(pool_tasks.misbehave, [("fine",), ("devour",), ("fine",)])]
    assert results[1].reason == "needed more memory than the 0.5 GiB it may have and was given up"
    assert results[0] == results[2]
    with WorkerPool(workers=1) as pool:
        assert [r for _, r in pool.run(pool_tasks.misbehave, [("devour",)])] == [1 << 30]


def test_signs_of_life_keep_a_long_task_from_being_given_up():
    with WorkerPool(workers=2, timeout_seconds=3.0) as pool:  # 30 signs in that time, or none in twice of it
        slow, silent = (result for _, result in pool.run(pool_tasks.plod, [(6.0, 60), (6.0, 1)]))
    assert slow == "arrived"
    assert "no sign of life" in silent.reason
    heartbeat()  # outside of a worker: nothing


def test_the_next_task_does_not_pay_for_a_worker_that_died_idle():
    with WorkerPool(workers=1) as pool:
        _, number = next(pool.run(pool_tasks.die_later, [()]))
        until_gone(number)
        assert [result for _, result in pool.run(pool_tasks.square, [(3,)])] == [9]


@pytest.mark.skipif(sys.platform != "linux", reason="processes are listed by /proc")
def test_leaving_ends_the_workers_at_once():
    started = time.monotonic()
    before = children()
    with pytest.raises(KeyboardInterrupt), WorkerPool(workers=2) as pool:
        for _ in pool.run(pool_tasks.misbehave, [("fine",)] + [("hang",)] * 20):
            assert len(children() - before) == 2
            raise KeyboardInterrupt
    assert time.monotonic() - started < 30  # not the minute that each of them hangs
    assert children() == before


def test_results_that_nobody_makes_any_more_are_not_waited_for():
    with WorkerPool(workers=1) as pool:
        results = pool.run(pool_tasks.misbehave, [("fine",), ("hang",), ("fine",)])
        assert isinstance(next(results)[1], int)
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        left = threads.submit(lambda: [result for _, result in results])
        assert all(isinstance(each, Failure) for each in left.result(timeout=10.0))


def test_leaving_does_not_wait_for_a_store(monkeypatch):
    asked, over = threading.Event(), threading.Event()

    class Slow:
        def size(self, address):
            asked.set()
            over.wait(40.0)
            return 0

    monkeypatch.setattr(media_file, "_source", Slow())
    pool = WorkerPool(workers=1)
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        taken = threads.submit(lambda: list(pool.run(media_file.size, [(MediaPath("s3://bucket/a.mp4"),)])))
        assert asked.wait(20.0)
        began = time.monotonic()
        pool.close()
        assert time.monotonic() - began < 20
        assert taken.result(timeout=10.0)[0][1].reason == "stopped"
        over.set()


def test_where_no_process_can_be_started_the_run_ends(monkeypatch):
    def refuse(*_, **__):
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    expected = pytest.raises(OutsideError, match=r"can be started \(Resource temporarily unavailable")
    with WorkerPool(workers=1) as pool, expected:
        list(pool.run(pool_tasks.square, [(1,), (2,)]))


def test_workers_do_not_import_tensorflow():
    from vatt.demo import render  # noqa: F401
    from vatt.prepare import spool  # noqa: F401  (what the workers import)

    with WorkerPool(workers=1) as pool:
        assert [loaded for _, loaded in pool.run(pool_tasks.loaded, [("tensorflow",), ("keras",)])] == [
            False,
            False,
        ]


def test_streams_come_task_by_task_and_a_bad_one_ends_with_its_reason():
    tasks = [(3, None), (2, "die"), (0, None), (20, "raise"), (1, "crash")]
    taken = {task: [] for task in tasks}
    order = []
    with WorkerPool(workers=2) as pool:
        for task, item in pool.run(pool_tasks.count, tasks):
            taken[task].append(item)
            order.append(tasks.index(task))
    assert order == sorted(order)
    assert taken[3, None] == [0, 1, 2] and taken[0, None] == []
    assert taken[2, "die"][:2] == [0, 1] and "signal 9" in taken[2, "die"][2].reason
    assert taken[20, "raise"][:20] == list(range(20)) and taken[20, "raise"][20].reason == "told to"
    assert "signal 11" in taken[1, "crash"][1].reason


def test_a_stream_that_is_left_leaves_its_worker_to_others():
    with WorkerPool(workers=1) as pool:
        for _ in range(3):
            stream = pool.run(pool_tasks.count, [(10_000, None), (10_000, None)])
            assert next(stream)[1] == 0
            stream.close()
        assert list(pool.run(pool_tasks.square, [(3,)])) == [((3,), 9)]


def test_a_stream_that_nobody_takes_waits(tmp_path):
    told = tmp_path / "told"
    big = bytes(1 << 16)  # more than a pipe holds
    with WorkerPool(workers=1, writable=[tmp_path]) as pool:
        stream = pool.run(pool_tasks.count_and_tell, [(1000, str(told), big)])
        next(stream)
        made, before = 0, -1
        while not made or made != before:  # until the worker waits
            time.sleep(0.2)
            made, before = int(told.read_text() or 0) if told.exists() else 0, made
    assert made < 50


@pytest.mark.parametrize(
    "limits, rule",
    [
        ({"workers": 0}, "`workers` must be at least 1"),
        ({"timeout_seconds": 0}, "`timeout_seconds` must be positive"),
        ({"memory_bytes": 1000}, "`memory_bytes` must be at least"),
    ],
)
def test_impossible_limits_are_refused(limits, rule):
    with pytest.raises(ValueError, match=rule):
        WorkerPool(**limits)
