"""Settings of a trainer, grouped by what uses them; those that an engine needs are in `vatt/engines`."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import gin

from vatt.protocols import MetricWriter


def is_every(interval: int | None, step: int) -> bool:
    """Whether something of this interval is due after `step` steps; None is never."""
    return interval is not None and step % interval == 0


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """When checkpoints are saved, and which are kept.

    Args:
        every: steps between two checkpoints; the last step is always saved.
        keep: how many of the newest to keep.
        keep_every: checkpoints at multiples of this many steps are kept permanently; None disables it.
        keep_best: name of a metric of the evaluators; the checkpoint where it was highest is kept, and every
            evaluation gets a checkpoint. None disables it.
        lowest_is_best: where `keep_best` is such as a rank or a loss.
    """

    every: int
    keep: int = 3
    keep_every: int | None = None
    keep_best: str | None = None
    lowest_is_best: bool = False


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class Scheduled:
    """An evaluator with an interval of its own, instead of `Evaluation.every`.

    Args:
        evaluator: as in `vatt/protocols.py`.
        every: steps between two of its evaluations on the way.
    """

    evaluator: Any
    every: int

    def __post_init__(self):
        if self.every < 1:
            raise ValueError(f"`Scheduled.every` must be at least 1. Received: {self.every}.")


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What measures the model, when, and what reports it.

    Args:
        evaluators: as in `vatt/protocols.py`, or such in `Scheduled`. All of them measure at the end.
        every: steps between two evaluations on the way, of those without an interval of their own; None
            disables it.
        report: called with the run directory at the end; returns the path of what it wrote. None disables it.
    """

    evaluators: Sequence[Any] = ()
    every: int | None = None
    report: Callable | None = None

    def __post_init__(self):
        self.due(0)  # what is no list of evaluators is refused here, where gin names it

    @property
    def all(self) -> list:
        """Every evaluator."""
        return [evaluator for evaluator, _ in self._scheduled()]

    @property
    def happens_on_the_way(self) -> bool:
        """Whether anything is evaluated before the end."""
        return any(every is not None for every in self.intervals)

    @property
    def intervals(self) -> list[int | None]:
        """Of every evaluator, None for those that measure at the end alone."""
        return [every for _, every in self._scheduled()]

    def due(self, step: int) -> list:
        """The evaluators that measure after `step` steps."""
        return [evaluator for evaluator, every in self._scheduled() if is_every(every, step)]

    def _scheduled(self) -> list[tuple[Any, int | None]]:
        return [
            (each.evaluator, each.every) if isinstance(each, Scheduled) else (each, self.every)
            for each in self.evaluators
        ]


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class Logging:
    """What is logged while a run trains.

    Args:
        every: steps between two lines of the journal.
        writers: more places for the metrics, see `vatt/train/trackers.py`.
        summary_every: steps between two batch summaries for TensorBoard, see `batch_summary.py`; None
            disables them.
        peak_flops: operations per second that one device is capable of, for the utilisation; "measured" to
            measure it by matrix products at the start; None disables it.
    """

    every: int = 10
    writers: Sequence[MetricWriter] = ()
    summary_every: int | None = None
    peak_flops: float | str | None = None
