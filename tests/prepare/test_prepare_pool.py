import time

import pool_tasks
import pytest

from vatt.prepare.pool import Failure, WorkerPool


def test_results_come_in_order_and_prints_do_not_disturb():
    with WorkerPool(workers=2) as pool:
        results = [result for _, result in pool.run(pool_tasks.square, ((n,) for n in range(50)))]
    assert results == [n * n for n in range(50)]


def test_one_bad_task_costs_only_itself():
    tasks = [("fine",), ("die",), ("raise",), ("hang",), ("bug",), ("fine",)]
    with WorkerPool(workers=2, timeout_seconds=3.0) as pool:
        results = [result for _, result in pool.run(pool_tasks.misbehave, tasks)]
    assert isinstance(results[0], int) and isinstance(results[5], int)
    assert "signal 9" in results[1].reason
    assert results[2].reason == "told to" and isinstance(results[2].error, ValueError)
    assert "more than 3 s" in results[3].reason
    assert "KeyError" in results[4].reason and isinstance(results[4], Failure)


def test_leaving_ends_the_workers_at_once():
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt), WorkerPool(workers=2) as pool:
        for _ in pool.run(pool_tasks.misbehave, [("fine",)] + [("hang",)] * 20):
            raise KeyboardInterrupt
    assert time.monotonic() - started < 10
    assert all(worker._process is None for worker in pool._all)


def test_workers_do_not_import_tensorflow():
    from vatt.prepare import demo_render, record  # noqa: F401  (what the workers import)

    with WorkerPool(workers=1) as pool:
        assert [loaded for _, loaded in pool.run(pool_tasks.loaded, [("tensorflow",), ("keras",)])] == [
            False,
            False,
        ]


def test_no_worker_is_no_pool():
    with pytest.raises(ValueError, match="at least 1"):
        WorkerPool(workers=0)
