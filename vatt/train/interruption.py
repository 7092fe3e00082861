"""Ctrl-C and SIGTERM: the loop is asked to stop after the step it is in; a second Ctrl-C stops at once."""

import contextlib
import signal
import threading
from collections.abc import Iterator, Sequence


@contextlib.contextmanager
def ended_at_once() -> Iterator[None]:
    """Inside, Ctrl-C ends the process where it stands, even where TensorFlow waits and Python can not listen.

    For times at which nothing could be lost. While several workers find each other TensorFlow keeps SIGTERM
    to itself.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Interruption:
    """A context manager; `signal` is None until one of the two has come.

    SIGINT ends the run with exit status 130, as shells expect; SIGTERM with 0, since its sender (a
    scheduler, a preempted machine) asked for just that: save and go.

    Args:
        numbers: signals that are taken; the others stay as they are.
    """

    def __init__(self, numbers: Sequence[int] = (signal.SIGINT, signal.SIGTERM)):
        self._numbers = numbers
        self.signal: int | None = None
        self._previous = {}

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():  # Python delivers signals nowhere else
            for number in self._numbers:
                self._previous[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    @property
    def exit_status(self) -> int:
        """Of the process, if the signal ended it."""
        return 128 + signal.SIGINT if self.signal == signal.SIGINT else 0

    def _ask(self, number, frame):
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = number
