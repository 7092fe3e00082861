"""Processes on JAX, each with a time limit, and in a group that is killed when its block ends."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.documents import ROOT

ENVIRONMENT = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": "3"}


class Process:
    """A Python module that runs within a `with` block, and nothing of it after that.

    Args:
        module: what `python -m` runs.
        arguments: of the module.
        environment: variables besides `ENVIRONMENT`.
        limit_seconds: from its start, after which it has failed.
    """

    def __init__(self, module, *arguments, environment=None, limit_seconds=1800):
        self._command = [sys.executable, "-m", module, *map(str, arguments)]
        self._environment = os.environ | ENVIRONMENT | (environment or {})
        self._limit_seconds = limit_seconds

    def __enter__(self):
        # Not a pipe: two processes that wait for each other must not wait for a reader too.
        self._output = tempfile.NamedTemporaryFile("w")
        self._end = time.monotonic() + self._limit_seconds
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):  # of the group, whose leader may be gone already
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._output.close()

    @property
    def output(self):
        """What it printed so far."""
        return Path(self._output.name).read_text(encoding="utf-8", errors="replace")

    def finish(self):
        """Returns when it has ended well."""
        if self.status():
            raise self._failure()

    def status(self):
        """Its exit status, when it has ended by itself."""
        try:
            return self._process.wait(max(0, self._end - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not ended in {self._limit_seconds} s: {self.output[-4000:]}") from None

    def wait_for(self, path):
        """Returns as soon as there is a file at this path."""
        while not path.exists():
            if self._process.poll() is not None:
                raise self._failure()
            assert time.monotonic() < self._end, f"no {path}: {self.output[-4000:]}"
            time.sleep(0.05)

    def kill_at(self, path):
        """Kills it as soon as there is a file at this path."""
        self.wait_for(path)
        self._process.kill()
        self._process.wait()

    def _failure(self):
        kind = PortTaken if "port must be free" in self.output else AssertionError
        return kind(self.output[-4000:])


class PortTaken(AssertionError):
    """A run of several did not begin, since another program has the port."""


def together(workers_at, act):
    """Starts the workers of a run, and again at another port if theirs was taken.

    Args:
        workers_at: address of the first -> a `Process` for each, the first one first.
        act: called with all of them, which run as long.
    """
    for last in (False,) * 4 + (True,):
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        try:
            with contextlib.ExitStack() as running:
                return act(*[running.enter_context(each) for each in workers_at(address)])
        except PortTaken:
            if last:
                raise


def finish_all(*processes):
    """Returns when all have ended well."""
    for each in processes:
        each.finish()
