"""Work that goes on while steps are taken: one piece at a time, in a thread."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class Background:
    """Runs functions one after the other; what one of them raises is raised by the call that learns of it."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="background")
        self._running: Future | None = None

    def start(self, function: Callable[[], None]) -> None:
        """Starts a function, once the one before it has ended."""
        self.wait()
        self._running = self._thread.submit(function)

    def check(self) -> None:
        """Raises what the last function raised, if it has ended; does not wait."""
        if self._running is not None and self._running.done():
            self.wait()

    def wait(self) -> None:
        """Returns when nothing runs; raises what the last function raised."""
        running, self._running = self._running, None
        if running is not None:
            running.result()
