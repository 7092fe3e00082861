"""Says how far a long job is, on stderr: a live bar on a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

import rich.progress

from vatt.terminal import Console, say

T = TypeVar("T")

_LINE_EVERY_SECONDS = 10.0


class Progress:
    """A context manager around a job of `total` steps, whose title is as the user would say it."""

    def __init__(self, title: str, total: int):
        self._title, self._total = title, total
        self._done = 0
        self._started = self._last_line = time.monotonic()
        self._bar = None
        if sys.stderr.isatty():
            self._bar = rich.progress.Progress(
                rich.progress.TextColumn("{task.description}", markup=False),
                rich.progress.BarColumn(),
                rich.progress.MofNCompleteColumn(),
                rich.progress.TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task(title, total=total)

    def __enter__(self) -> "Progress":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, kind, *_) -> None:
        if self._bar is not None:
            self._bar.stop()
        if kind is None:
            say(f"{self._title}: {self._done} done in {time.monotonic() - self._started:.0f} s")

    def advance(self, steps: int = 1) -> None:
        """Reports this number of further steps."""
        self._done += steps
        if self._bar is not None:
            self._bar.advance(self._task, steps)
        elif time.monotonic() - self._last_line >= _LINE_EVERY_SECONDS:
            self._last_line = time.monotonic()
            say(f"{self._title}: {self._done} of {self._total}")

    def note(self, text: str) -> None:
        """Shows the current activity next to the count."""
        if self._bar is not None:
            self._bar.update(self._task, description=f"{self._title}: {text}")
        elif time.monotonic() - self._last_line >= _LINE_EVERY_SECONDS:
            self._last_line = time.monotonic()
            say(f"{self._title}: {self._done} of {self._total}, {text}")

    def each(self, steps: Iterable[T]) -> Iterator[T]:
        """`steps`, each counted as soon as it is there."""
        for step in steps:
            self.advance()
            yield step
