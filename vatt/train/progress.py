"""Progress in the terminal during a run: a live bar, or plain lines without a terminal."""

import time
from collections.abc import Iterator

from rich.console import RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from vatt.terminal import Console, say

_PLAIN_SECONDS = 10.0


class _TwoLines(Progress):
    """The bar, and the numbers under it, so that both fit into 80 columns."""

    numbers = ""

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from super().get_renderables()
        yield Text(self.numbers, no_wrap=True, overflow="ellipsis")


class ProgressDisplay:
    """A context manager; `show` may be called at every step.

    Args:
        first_step: steps done before this start.
        steps: steps of the whole run.
    """

    def __init__(self, first_step: int, steps: int):
        self._steps = steps
        self._first_step = first_step
        self._numbers = ""
        self._last_plain = None
        self._began = time.perf_counter()
        console = Console(stderr=True)
        self._bar = None
        if console.is_terminal:
            self._bar = _TwoLines(
                TextColumn("[bold]step"),
                MofNCompleteColumn(),
                BarColumn(bar_width=None),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=console,
                refresh_per_second=4,
                expand=True,
            )
            self._task = self._bar.add_task("train", total=steps, completed=first_step)

    def __enter__(self) -> "ProgressDisplay":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, step: int, line: dict | None) -> None:
        """`step` steps are done; `line` is the journal's newest line, if there is a new one."""
        if line is not None:
            self._numbers = _format(line)
        if self._bar is not None:
            self._bar.numbers = self._numbers
            self._bar.update(self._task, completed=step)
            return
        now = time.perf_counter()
        left = ""
        if self._last_plain is None:  # the first step compiles: it says nothing about the others
            self._first_step, self._began = step, now
        else:
            seconds = (now - self._began) / (step - self._first_step) * (self._steps - step)
            left = f"  {_clock(seconds)} left"
        due = self._last_plain is None or now - self._last_plain >= _PLAIN_SECONDS or step == self._steps
        if line is not None and due:
            self._last_plain = now
            say(f"step {step}/{self._steps}  {self._numbers}{left}")


def _format(line: dict) -> str:
    """Loss parts, learning rate, clips/s and data wait of a journal line, in one row."""
    losses = [f"{name.removeprefix('loss/')} {line[name]:.3f}" for name in line if name.startswith("loss")]
    return "  ".join(
        [
            *losses,
            f"lr {line['learning_rate']:.0e}",
            f"{line['clips_per_second']:.0f} clips/s",
            f"wait {line['data_wait_share']:.0%}",
        ]
    )


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
