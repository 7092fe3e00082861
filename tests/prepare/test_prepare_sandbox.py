"""What a worker that a file has taken over can do: nothing outside of its folder, nothing to its parent."""

import pytest

from tests.prepare import pool_tasks
from vatt.prepare import sandbox
from vatt.prepare.pool import Failure, WorkerPool

WRITES = ("write", "append to", "make a folder", "remove", "rename", "truncate")
needs_landlock = pytest.mark.skipif(not sandbox.landlock_version(), reason="this system has no Landlock")
needs_filters = pytest.mark.skipif(not sandbox.has_filters(), reason="this system has no seccomp filters")


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """(a pool of one worker, the folder that it may write to)."""
    folder = tmp_path_factory.mktemp("spool")
    with WorkerPool(workers=1, writable=[folder]) as made:
        yield made, folder


def tried(pool, what, place):
    [(_, outcome)] = pool.run(pool_tasks.try_to, [(what, str(place))])
    return outcome


@pytest.mark.parametrize("what", [*WRITES, "read", "throw away", "start a thread"])
def test_a_worker_can_do_its_work(what, pool):
    made, folder = pool
    (folder / "present").write_text("x")
    assert tried(made, what, folder) == "done"
    for name in ("file", "other", "folder"):
        path = folder / name
        if path.exists():
            path.rmdir() if path.is_dir() else path.unlink()


@needs_landlock
@pytest.mark.parametrize("what", WRITES)
def test_it_writes_nowhere_else(what, pool, tmp_path):
    (tmp_path / "present").write_text("mine")
    assert tried(pool[0], what, tmp_path) == "PermissionError"
    assert [path.name for path in tmp_path.iterdir()] == ["present"]
    assert (tmp_path / "present").read_text() == "mine"


@needs_landlock
def test_it_leaves_no_links_in_its_folder(pool):
    assert tried(pool[0], "link", pool[1]) == "PermissionError"


@needs_filters
@pytest.mark.parametrize("what", ["run", "connect", "connect locally"])
def test_it_reaches_no_network_and_starts_no_program(what, pool, tmp_path):
    assert tried(pool[0], what, tmp_path) == "PermissionError"


@pytest.mark.skipif(sandbox.landlock_version() < 6, reason="this system's Landlock knows no scopes")
def test_it_sends_its_parent_no_signal(pool, tmp_path):
    assert tried(pool[0], "signal", tmp_path) == "PermissionError"


def test_where_a_system_has_neither_there_are_the_limits_alone(monkeypatch):
    monkeypatch.setattr(sandbox, "landlock_version", lambda: 0)
    monkeypatch.setattr(sandbox, "has_filters", lambda: False)
    sandbox.confine([])  # this process stays as it is
    assert sandbox.describe().startswith("not sandboxed (limits of memory and time only")
    open("/dev/null", "w").close()


def test_what_there_is_is_said():
    said = sandbox.describe()
    assert ("writing to its spool only" in said) == bool(sandbox.landlock_version())
    assert ("no network" in said) == sandbox.has_filters()


def test_an_answer_that_would_run_something_runs_nothing(tmp_path):
    with WorkerPool(workers=1) as pool:
        outcomes = [
            outcome for _, outcome in pool.run(pool_tasks.take_over, [(str(tmp_path / "canary"),)] * 2)
        ]
        assert all(isinstance(outcome, Failure) and "posix.system" in outcome.reason for outcome in outcomes)
        assert not (tmp_path / "canary").exists()
        [(_, outcome)] = pool.run(pool_tasks.square, [(3,)])
        assert outcome == 9, "another worker takes its place"
