"""Worker processes that survive bad files: a crash or a hang of the decoder costs one task, not the run.

`multiprocessing` is not used on purpose: its "fork" would copy a process in which TensorFlow runs threads,
its "spawn" imports the caller's main module again in every worker (seconds and 400 MB each when that is the
trainer), and its pools break as a whole when a worker dies. Here a worker is `python -c` with our import
path, which reads pickled tasks from a pipe, imports what the function's module needs and nothing else, and
ends when the pipe does.
"""

import collections
import concurrent.futures
import dataclasses
import os
import pickle
import queue
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection
from typing import Any


@dataclasses.dataclass(frozen=True)
class Failure:
    """What went wrong with one task, in words."""

    reason: str
    error: Exception | None = None  # when it was the function's own and can be pickled


def available_cores() -> int:
    """Cores that this process may use (a container often has fewer than the machine)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class WorkerPool:
    """Runs a function on tasks in worker processes; use it as a context manager.

    Args:
        workers: processes; None: one per core.
        timeout_seconds: a task that takes longer is given up and its process ended.
    """

    def __init__(self, *, workers: int | None = None, timeout_seconds: float = 600.0):
        if workers is not None and workers < 1:
            raise ValueError(f"`workers` must be at least 1. Received: {workers}.")
        self.workers = workers or available_cores()
        self._timeout_seconds = timeout_seconds
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self._threads = concurrent.futures.ThreadPoolExecutor(self.workers, thread_name_prefix="worker")
        self._all = [_Worker() for _ in range(self.workers)]
        for worker in self._all:
            self._idle.put(worker)

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(self, kind, *_) -> None:
        for worker in self._all:
            worker.stop()  # a thread that waits for a reply sees the end of the pipe and returns
        self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in self._all:
            worker.end()

    def run(self, function: Callable, tasks: Iterable[tuple]) -> Iterator[tuple[tuple, Any | Failure]]:
        """(task, result or Failure) in the order of `tasks`, whatever finishes first.

        Few tasks are under way at a time, so results that nobody takes do not pile up in memory.

        Args:
            function: a module-level function; called as function(*task) in a worker.
            tasks: tuples of arguments that can be pickled.
        """
        pending = collections.deque()
        for task in tasks:
            pending.append((task, self._threads.submit(self._call, function, task)))
            if len(pending) >= 4 * self.workers:
                task, future = pending.popleft()
                yield task, future.result()
        while pending:
            task, future = pending.popleft()
            yield task, future.result()

    def _call(self, function: Callable, task: tuple) -> Any | Failure:
        worker = self._idle.get()
        try:
            return worker.call(function, task, self._timeout_seconds)
        finally:
            self._idle.put(worker)


class _Worker:
    """One process, started when it is first needed and again after it died."""

    def __init__(self):
        self._process: subprocess.Popen | None = None
        self._stopped = False

    def call(self, function: Callable, task: tuple, timeout_seconds: float) -> Any | Failure:
        if self._process is None and not self._stopped:
            self._start()
            if self._stopped:  # in the meantime
                self._process.kill()
        if self._process is None:
            return Failure("stopped")
        try:
            self._send.send_bytes(pickle.dumps((function, task)))
            if not self._receive.poll(timeout_seconds):
                self._process.kill()
                self.end()
                return Failure(f"took more than {timeout_seconds:g} s and was given up")
            return pickle.loads(self._receive.recv_bytes())
        except (EOFError, OSError):
            return Failure(f"the worker process died ({self.end()})")

    def stop(self) -> None:
        """Kills the process; whoever waits for its reply sees the end of the pipe. For any thread to call."""
        self._stopped = True
        process = self._process
        if process is not None:
            process.kill()

    def _start(self) -> None:
        code = f"import sys; sys.path[:] = {sys.path!r}; from vatt.prepare import pool; pool.serve()"
        # One numeric thread each: the processes are the parallelism.
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # Ctrl-C is the parent's to handle
        )
        self._send = Connection(os.dup(self._process.stdin.fileno()), readable=False)
        self._receive = Connection(os.dup(self._process.stdout.fileno()), writable=False)
        self._process.stdin.close()
        self._process.stdout.close()

    def end(self) -> str:
        """Ends the process if it still runs after a second; says how it ended."""
        if self._process is None:
            return "stopped"
        try:
            status = self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._process = None
        self._send.close()
        self._receive.close()
        return f"signal {-status}" if status < 0 else f"exit status {status}"


def serve() -> None:
    """The life of a worker process: reads tasks from standard input, writes results to standard output."""
    receive = Connection(os.dup(0), writable=False)
    send = Connection(os.dup(1), readable=False)
    os.dup2(2, 1)  # whatever prints must not end up among the results
    os.close(0)
    while True:
        try:
            message = receive.recv_bytes()
        except EOFError:
            return
        try:
            function, task = pickle.loads(message)
            reply = pickle.dumps(function(*task))
        except Exception as error:
            reply = _pickled_failure(error)
        try:
            send.send_bytes(reply)
        except BrokenPipeError:
            return


def _pickled_failure(error: Exception) -> bytes:
    # Errors with words of their own need no name in front; anything else is a defect and gets its place.
    expected = isinstance(error, ValueError | OSError)
    reason = str(error) if expected else "".join(traceback.format_exception(error)[-2:]).strip()
    try:
        reply = pickle.dumps(Failure(reason, error))
        pickle.loads(reply)
        return reply
    except Exception:
        return pickle.dumps(Failure(reason))
