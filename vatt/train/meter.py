"""Results of compiled steps as journal lines. The host starts steps and does not wait for what they give; a
host sync happens where a line or something else is due. Nothing is lost by that, since after a bad step the
compiled ones change nothing.
"""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from vatt.engines.protocol import LIVE_DATA
from vatt.errors import RunError

_SHOWN = ("loss", LIVE_DATA)  # of the results, by how their names begin


class NotFinite(RunError):
    """The loss or a gradient is NaN or infinite.

    Args:
        step: number of the step, from 1; nothing was changed by it, nor by those after it.
    """

    def __init__(self, message: str, step: int):
        super().__init__(message)
        self.step = step


class Meter:
    """Measures one start of a run.

    Args:
        first_step: steps done before.
        batch_size: clips of a global batch.
        variable_names: one name per entry of the results' "squared_norms".
        seconds_before: training time of earlier starts.
    """

    def __init__(
        self, *, first_step: int, batch_size: int, variable_names: list[str], seconds_before: float = 0.0
    ):
        self._batch_size = batch_size
        self._variable_names = variable_names
        self._seconds_before = seconds_before
        self._unseen: list[tuple[int, dict[str, Any]]] = []
        self._began = self._line_began = time.perf_counter()
        self._line_step = first_step
        self._waited = 0.0
        self._newest: dict[str, Any] = {}

    def add(self, step: int, results: dict[str, Any]) -> None:
        """Notes a call that was started after `step` steps."""
        self._unseen.append((step, results))

    def sync(self) -> NotFinite | None:
        """Waits for the calls so far; gives the first bad step, after which the others changed nothing."""
        for step, results in self._unseen:
            if not bool(results["finite"]):
                self._unseen.clear()
                bad = step + int(results["steps"]) + 1
                return NotFinite(self._describe(bad, results), bad)
            self._waited += float(results["data_wait_seconds"])
            self._newest = results
        self._unseen.clear()
        return None

    def line(self, step: int) -> dict[str, Any]:
        """The journal line after `step` steps, which are synced."""
        results, now = self._newest, time.perf_counter()
        elapsed = now - self._line_began
        line = {
            "step": step,
            **{name: float(value) for name, value in results.items() if name.startswith(_SHOWN)},
            "learning_rate": float(results["learning_rate"]),
            "gradient_norm": float(results["gradient_norm"]),
            "clips_per_second": (step - self._line_step) * self._batch_size / elapsed,
            # The wait is measured by the wall clock, which may be set anew at any moment.
            "data_wait_share": min(max(self._waited / elapsed, 0.0), 1.0),
            "seconds": self._seconds_before + now - self._began,
        }
        self._line_began, self._line_step, self._waited = time.perf_counter(), step, 0.0
        return line

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Saving and evaluating are not training speed."""
        began = time.perf_counter()
        yield
        self._line_began += time.perf_counter() - began

    def _describe(self, step: int, results: dict[str, Any]) -> str:
        losses = ", ".join(
            f"{name}={float(value):g}" for name, value in results.items() if name.startswith("loss")
        )
        norms = zip(self._variable_names, np.asarray(results["squared_norms"]), strict=True)
        bad = [name for name, norm in norms if not norm < float("inf")]
        where = (
            f" Gradients that are not finite: {len(bad)}, the first of {', '.join(bad[:3])}." if bad else ""
        )
        return (
            f"The loss and every gradient must be finite. Received at step {step}: {losses}.{where} "
            "The weights are those of the step before. Lower the learning rate, clip with "
            "`Optimization.clip_global_norm = 1.0`, or look at the batch of this step."
        )
