"""Worker processes that survive bad files: a crash or a hang of the decoder costs one task, not the run.

`multiprocessing` is not used on purpose: its "fork" would copy a process in which TensorFlow runs threads,
its "spawn" imports the caller's main module again in every worker (seconds and 400 MB each when that is the
trainer), and its pools break as a whole when a worker dies. Here a worker is `python -c` with our import
path, which reads pickled tasks from a pipe, imports what the function's module needs and nothing else, and
ends when the pipe does. On the pipe back, an empty message is a sign of life and any other is the reply.
"""

import collections
import contextlib
import dataclasses
import inspect
import os
import pickle
import queue
import resource
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection
from typing import Any

from vatt.files.places import StoreError
from vatt.prepare import replies, sandbox
from vatt.prepare.media_file import addresses, read_through, source

_LEAST_MEMORY_BYTES = 1 << 28  # what Python with NumPy and FFmpeg takes before the first frame, with room
_ENDING_SECONDS = 5.0  # that threads have to see the end of their processes
_ITEMS_AHEAD = 4  # that a task may have yielded before they are taken
_SIGN_OF_LIFE = b""
_WANTED = b"?"  # begins a request for bytes of a store, and its answer; an error's text does not
_reply_pipe: Connection | None = None  # of the worker that this process is; None: it is none


@dataclasses.dataclass(frozen=True)
class Failure:
    """What went wrong with one task, in words."""

    reason: str
    error: Exception | None = None  # when it was the function's own and can be pickled


class OutsideError(OSError):
    """What is no fault of a task, and ends a run instead of being one of its results."""


def heartbeat() -> None:
    """Reports to the pool that the task makes progress, so that a long one is not taken for one that hangs.

    For tasks to call; outside of a worker it does nothing.
    """
    if _reply_pipe is not None:
        _reply_pipe.send_bytes(_SIGN_OF_LIFE)


def available_cores() -> int:
    """Cores that this process may use (a container often has fewer than the machine)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class WorkerPool:
    """Runs a function on tasks in worker processes; use it as a context manager.

    Args:
        workers: processes; None: one per core.
        timeout_seconds: a task without an end or a `heartbeat()` for so long is given up, its process killed.
        memory_bytes: that a process may hold; a task that wants more fails. None: no limit. Kept by Linux
            only; other systems do not limit what a process maps.
        tasks_ahead: tasks per worker that may be under way or done before the first of them is taken. Results
            come in order, so this is how far the others get while one worker is busy with a long task.
        writable: folders that tasks may write to; where the system has the means (`vatt.prepare.sandbox`),
            workers can write nowhere else.
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        timeout_seconds: float = 600.0,
        memory_bytes: int | None = None,
        tasks_ahead: int = 4,
        writable: Iterable[str | os.PathLike] = (),
    ):
        if workers is not None and workers < 1:
            raise ValueError(f"`workers` must be at least 1. Received: {workers}.")
        if timeout_seconds <= 0:
            raise ValueError(f"`timeout_seconds` must be positive. Received: {timeout_seconds}.")
        if memory_bytes is not None and memory_bytes < _LEAST_MEMORY_BYTES:
            raise ValueError(
                f"`memory_bytes` must be at least {_LEAST_MEMORY_BYTES}, which a worker needs to start. "
                f"Received: {memory_bytes}."
            )
        self.workers = workers or available_cores()
        self._timeout_seconds = timeout_seconds
        self._tasks_ahead = tasks_ahead
        self._stopped = False
        self._jobs: queue.SimpleQueue[tuple[Callable, tuple, _Items] | None] = queue.SimpleQueue()
        places = tuple(os.path.abspath(folder) for folder in writable)
        self._all = [_Worker(memory_bytes, places) for _ in range(self.workers)]
        # Daemons, which the end of the program does not wait for: one may wait for a store, for minutes.
        self._threads = [threading.Thread(target=self._work, args=(each,), daemon=True) for each in self._all]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(self, kind, *_) -> None:
        self.close()

    def close(self) -> None:
        """Ends the workers at once, whatever they do."""
        self._stopped = True
        for worker in self._all:
            worker.stop()  # a thread that waits for a reply sees the end of the pipe and returns
            self._jobs.put(None)
        end = time.monotonic() + _ENDING_SECONDS
        for thread, worker in zip(self._threads, self._all, strict=True):
            thread.join(max(0.0, end - time.monotonic()))
            worker.end()

    def run(self, function: Callable, tasks: Iterable[tuple]) -> Iterator[tuple[tuple, Any | Failure]]:
        """(task, result) in the order of `tasks`, whatever finishes first; a failed task ends with a Failure.

        Of a generator function each item is a result. Few tasks are under way at a time, and workers wait
        when nobody takes what they made, so that of a video of any length only a few items are in memory.

        Args:
            function: a module-level function; called as function(*task) in a worker.
            tasks: tuples of arguments that can be pickled.

        Raises:
            OutsideError: no process can be started, or what the function raises of this kind.
            StoreError: a store does not answer.
        """
        pending = collections.deque()
        try:
            for task in tasks:
                items = _Items(lambda: self._stopped)
                self._jobs.put((function, task, items))
                pending.append((task, items))
                if len(pending) >= self._tasks_ahead * self.workers:
                    yield from _taken(*pending.popleft())
            while pending:
                yield from _taken(*pending.popleft())
        finally:  # a consumer that stops leaves the workers to others
            for _, items in pending:
                items.abandon()

    def _work(self, worker: "_Worker") -> None:
        while (job := self._jobs.get()) is not None:
            function, task, items = job
            try:
                failure = worker.call(function, task, self._timeout_seconds, items.put)
            except Exception as error:
                reason = f"no worker process can be started ({getattr(error, 'strerror', error)})"
                failure = Failure(reason, OutsideError(getattr(error, "errno", None), reason))
            items.end(failure)


@dataclasses.dataclass(frozen=True)
class _Item:
    """A reply to a task; the last is that of a function, or behind all that a generator yields."""

    value: Any
    is_last: bool = False


class _Items:
    """What one task has yielded and nobody took yet; producers wait when that is much."""

    def __init__(self, is_stopped: Callable[[], bool]):
        self._is_pool_stopped, self._is_abandoned = is_stopped, False
        self._queue: queue.Queue = queue.Queue(_ITEMS_AHEAD)

    def abandon(self) -> None:
        """Nobody will take what comes: from now on it is dropped."""
        self._is_abandoned = True

    def put(self, item) -> None:
        self._put((item,))

    def end(self, failure: Failure | None) -> None:
        if failure is not None:
            self.put(failure)
        self._put(None)

    def _put(self, entry: tuple | None) -> None:
        while not (self._is_abandoned or self._is_pool_stopped()):
            try:
                return self._queue.put(entry, timeout=0.2)
            except queue.Full:
                continue

    def __iter__(self) -> Iterator[Any]:
        while True:
            try:
                entry = self._queue.get(timeout=0.2)
            except queue.Empty:
                if self._is_pool_stopped():  # the end may never come
                    yield Failure("stopped")
                    return
                continue
            if entry is None:
                return
            yield entry[0]


def _taken(task: tuple, items: _Items) -> Iterator[tuple[tuple, Any | Failure]]:
    try:
        for item in items:
            if isinstance(item, Failure) and isinstance(item.error, OutsideError | StoreError):
                raise item.error
            yield task, item
    finally:
        items.abandon()


class _Worker:
    """One process, started when it is first needed and again after it died."""

    def __init__(self, memory_bytes: int | None, writable: tuple[str, ...]):
        self._memory_bytes, self._writable = memory_bytes, writable
        self._process: subprocess.Popen | None = None
        self._stopped = False

    def call(
        self, function: Callable, task: tuple, timeout_seconds: float, on_item: Callable
    ) -> Failure | None:
        if self._process is not None and self._process.poll() is not None:
            self.end()  # died after its last task, which is no fault of this one
        if self._process is None and not self._stopped:
            process = self._process = self._start()
            if self._stopped:  # in the meantime
                process.kill()
        if self._process is None:
            return Failure("stopped")
        try:
            self._send.send_bytes(pickle.dumps((function, task)))
            allowed = {
                each for given in task for path in getattr(given, "files", ()) for each in addresses(path)
            }
            while self._receive.poll(timeout_seconds):
                reply = self._receive.recv_bytes()
                if reply == _SIGN_OF_LIFE:
                    continue
                if reply.startswith(_WANTED):
                    self._send.send_bytes(_fetched(reply.removeprefix(_WANTED), allowed))
                    continue
                reply = replies.loads(reply)
                if not isinstance(reply, _Item):
                    return reply
                on_item(reply.value)
                if reply.is_last:
                    return None
            self._process.kill()
            self.end()
            return Failure(f"gave no sign of life for more than {timeout_seconds:g} s and was given up")
        except StoreError as error:
            self._process.kill()  # it waits for the answer
            self.end()
            return Failure(str(error), error)
        except (EOFError, OSError):
            return Failure(f"the worker process died ({self.end()})")
        except Exception as error:  # an invalid reply: its sender is not trusted again
            self._process.kill()
            self.end()
            return Failure(f"the worker process gave no proper answer ({error})")

    def stop(self) -> None:
        """Kills the process; a thread that waits for its reply sees the end of the pipe. For any thread to
        call."""
        self._stopped = True
        process = self._process
        if process is not None:
            process.kill()

    def _start(self) -> subprocess.Popen:
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from vatt.prepare import pool; pool.serve({self._memory_bytes}, {self._writable!r})"
        )
        # One numeric thread each: the processes are the parallelism.
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # Ctrl-C is the parent's to handle
        )
        assert process.stdin is not None and process.stdout is not None
        self._send = Connection(os.dup(process.stdin.fileno()), readable=False)
        self._receive = Connection(os.dup(process.stdout.fileno()), writable=False)
        process.stdin.close()
        process.stdout.close()
        return process

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
        return f"exit status {status}" if status >= 0 else f"signal {-status}, {signal.strsignal(-status)}"


class _Parent:
    """What a worker has of stores: it asks the process that started it, and waits."""

    def __init__(self, send: Connection, receive: Connection):
        self._send, self._receive = send, receive

    def read(self, address: str, start: int, count: int) -> bytes:
        self._send.send_bytes(_WANTED + pickle.dumps((address, start, count)))
        answer = self._receive.recv_bytes()
        if not answer.startswith(_WANTED):
            raise OSError(answer.decode())
        return answer.removeprefix(_WANTED)

    def size(self, address: str) -> int:
        return int(self.read(address, 0, -1))


def _fetched(request: bytes, allowed: set[str]) -> bytes:
    """The answer to a worker, which gets nothing but what its task names; StoreError: there is none."""
    address, start, count = replies.loads(request)
    try:
        if address not in allowed:
            raise OSError("a worker may read the media of its task only")
        content = source().read(address, start, count) if count >= 0 else str(source().size(address)).encode()
        return _WANTED + content
    except StoreError:
        raise
    except OSError as error:
        return str(error).encode("utf-8", "backslashreplace")


def serve(memory_bytes: int | None, writable: tuple[str, ...]) -> None:
    """The life of a worker process: reads tasks from standard input, writes results to standard output."""
    global _reply_pipe
    _limit(memory_bytes)
    sandbox.confine(writable)
    receive = Connection(os.dup(0), writable=False)
    send = _reply_pipe = Connection(os.dup(1), readable=False)
    os.dup2(2, 1)  # whatever prints must not end up among the results
    os.close(0)
    read_through(_Parent(send, receive))
    with contextlib.suppress(EOFError, BrokenPipeError):  # its reader is gone
        while True:
            message = receive.recv_bytes()
            try:
                function, task = pickle.loads(message)
                result = function(*task)
                if inspect.isgenerator(result):
                    for value in result:
                        send.send_bytes(pickle.dumps(_Item(value)))
                    reply = pickle.dumps(None)
                else:
                    reply = pickle.dumps(_Item(result, is_last=True))
            except BrokenPipeError:
                raise
            except Exception as error:
                reply = _pickled_failure(error, memory_bytes)
            send.send_bytes(reply)


def _limit(memory_bytes: int | None) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is expected here: no core file for it
    if memory_bytes is not None:
        # Not RLIMIT_AS: that counts libraries and reserved addresses, which take gigabytes and cost nothing.
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        limit = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def _pickled_failure(error: Exception, memory_bytes: int | None) -> bytes:
    if isinstance(error, MemoryError):
        limit = "there is" if memory_bytes is None else f"the {memory_bytes / 2**30:.3g} GiB it may have"
        return pickle.dumps(Failure(f"needed more memory than {limit} and was given up"))
    # Errors with words of their own need no name in front; anything else is a defect and gets its place.
    expected = isinstance(error, ValueError | OSError)
    reason = str(error) if expected else "".join(traceback.format_exception(error)[-2:]).strip()
    try:
        reply = pickle.dumps(Failure(reason, error))
        replies.loads(reply)
        return reply
    except Exception:
        return pickle.dumps(Failure(reason))
