"""What the trainer asks of an engine: the part that depends on a framework, behind a small protocol.

An engine knows the task, the settings of `execution.py` and `optimization.py`, and nothing of evaluators,
reports or run directories. The order of clips and every random draw are pure functions of the seed and the
step, so that two engines can be held to equal losses step by step.
"""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from vatt.engines.execution import Execution, Preemption
from vatt.engines.optimization import Optimization
from vatt.protocols import Batch

LIVE_DATA = "data/"  # prefix of the results that say how much of a batch is neither masked nor constant


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """What is differentiated: a batch goes through `device_inputs`, the model and the loss.

    Args:
        model, loss: as in `vatt/protocols.py`.
        device_inputs: (batch, training) -> the model's inputs.
    """

    model: Any
    loss: Callable
    device_inputs: Callable


class State(Protocol):
    """All that steps change; its fields are what a checkpoint holds."""

    model: Any

    def write(self, prefix: str) -> None:
        """Writes files whose names begin with `prefix`; raises `OSError`."""

    def read(self, prefix: str, *, partly: bool = False) -> None:
        """Reads the files back; raises `RunError` where they do not fit. `partly`: files may hold more."""

    def averaged(self) -> AbstractContextManager[None]:
        """Within the block the model has its averaged weights, if there is an average."""


class Step(Protocol):
    """The compiled step."""

    def run(self, iterator: Iterator[Batch], count: int) -> dict[str, Any]:
        """Runs `count` steps without a host sync.

        Results, scalars but for the last: "loss" and its parts (global values), `LIVE_DATA` shares,
        "learning_rate" (of this step), "gradient_norm" (before clipping), "finite" (this step and all before
        it were), "steps" (good steps of these), "data_wait_seconds" (sum over them), and "squared_norms"
        `[V]`, one per trainable variable. They are those of the last step or, where one was not finite, of
        that one. After a step that is not finite nothing changes until `clear_stop`.
        """

    def clear_stop(self) -> None:
        """Lets steps change the weights again."""


class Workers(Protocol):
    """The processes of one run, one per machine."""

    count: int
    index: int
    is_chief: bool

    def any(self, mine: bool) -> bool:
        """Whether it is so on any worker; every worker must ask."""

    def from_chief(self, number: int) -> int:
        """The chief's number, on every worker; every worker must ask."""

    def agree_on(self, facts: dict[str, str], what: str) -> None:
        """Raises on every worker unless all have the chief's facts."""

    def meet(self) -> None:
        """Returns when every worker is here."""

    def share_of(self, batch_size: int) -> str:
        """One sentence: which worker this is, and its rows of every batch."""

    def explaining(self) -> AbstractContextManager:
        """Within the block, an error that means that another worker is gone says so."""


class Engine(Protocol):
    """Runs a task on devices."""

    workers: Workers
    replicas: int

    def scope(self) -> AbstractContextManager:
        """Within the block objects are built that hold variables."""

    def build(self, task: Task, batches: Any, *, check_loss: bool = True) -> Batch:
        """Makes the model's variables from a few empty rows such as those of `batches`; returns the rows."""

    def place(self, task: Task, optimizer: Any, optimization: Optimization) -> State:
        """The state of a built task, at its beginning; with `optimizer` None, nothing will be trained."""

    def make_step(
        self, task: Task, state: State, *, optimization: Optimization, execution: Execution, seed: int
    ) -> Step:
        """The compiled step that changes `state`."""

    def telemetry(self, task: Task, rows: Batch, peak_flops: float | str | None) -> Any:
        """An object whose `numbers(clips_per_second)` are speed and memory, by name."""

    def guard(self, fault: Callable[[], str | None] | None) -> Any:
        """A context manager whose `call(function, *arguments)` is ended when `fault` gives a sentence."""

    def preemption(
        self, settings: Preemption | None, model_dir: Path, save: Callable[[int], None]
    ) -> AbstractContextManager:
        """Within the block the notice of a platform is handled; gives an object with `ends_after(step)`."""

    def profiled(self, run_steps: Callable[..., dict], directory: Path) -> Callable[..., dict]:
        """`run_steps` with a trace of a few calls, written to `directory`."""
