"""Ends a compiled call that waits for what will not come, such as batches of a machine that is gone.

A call that waits inside TensorFlow, on any engine for a batch, sees no signal and knows no time limit. What
can end it is TensorFlow's cancellation, which `tf.distribute`'s own coordinator uses and which has no public
name.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from vatt.engines.private_names import CancellationManager, CancellationManagerContext
from vatt.errors import LostMachine, reason_of

_log = logging.getLogger(__name__)
_PAUSE_SECONDS = 5.0  # between two looks


class Guard:
    """A context manager that looks after calls made through `call`.

    Args:
        fault: gives a sentence about what is wrong for good, or None; may take its time. None: nothing is
            looked after.
        pause_seconds: between two looks.
    """

    def __init__(self, fault: Callable[[], str | None] | None, pause_seconds: float = _PAUSE_SECONDS):
        self._fault = fault
        self._pause_seconds = pause_seconds
        self._found: str | None = None
        self._is_over = threading.Event()
        self._cancellation = CancellationManager()

    def __enter__(self) -> "Guard":
        if self._fault is not None:
            threading.Thread(target=self._watch, name="guard", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()

    def call(self, function: Callable, *arguments: Any) -> Any:
        """`function(*arguments)`; raises `LostMachine` with the sentence if it was ended."""
        if self._fault is None:
            return function(*arguments)
        try:
            with CancellationManagerContext(self._cancellation):
                return function(*arguments)
        except tf.errors.CancelledError as error:
            if self._found is None:
                raise
            raise LostMachine(self._found) from error

    def _watch(self):
        while self._fault is not None and not self._is_over.wait(self._pause_seconds):
            try:
                self._found = self._fault()
            except Exception as error:  # of whatever looks: it looks again
                _log.warning("It is not known whether all machines are there: %s", reason_of(error))
            if self._found is not None:
                self._cancellation.start_cancel()
                return
