"""What a run asks of an engine: the part that depends on a framework, behind a small protocol.

An engine knows the task, the settings of `execution.py` and `optimization.py`, and nothing of evaluators,
reports or run directories. The order of clips and every random draw are pure functions of the seed and the
step, so that two engines can be held to equal losses step by step. docs/engines.md says how one is written;
`tests/train/eager_engine.py` is a whole one.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from vatt.engines.execution import Execution, Preemption
from vatt.engines.optimization import Optimization
from vatt.engines.workers import Workers
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


class Snapshot(Protocol):
    """What a state was, in this machine's memory, whatever steps do to the state since."""

    def write(self, prefix: str) -> None:
        """Writes files whose names begin with `prefix`, in any thread; raises `OSError`.

        Where the engine divides the state, every worker is asked: the chief with a prefix in a temporary
        folder; the others with that of the finished files, next to this folder, into which they write too.
        """


class State(Protocol):
    """All that steps change: what a checkpoint holds."""

    @property
    def model(self) -> Any:
        """The task's model; its weights are those of the last step when it is called or saved."""
        ...

    @property
    def variables(self) -> Sequence[Any]:
        """The Keras variables that are trained, the loss's included."""
        ...

    def snapshot(self) -> Snapshot:
        """What is to be saved; takes as long as copying it to this machine's memory. The chief alone is
        asked, or every worker where each holds but a part.
        """
        ...

    def read(self, prefix: str, *, partly: bool = False) -> None:
        """Reads the files back; raises `RunError` where they do not fit. `partly`: files may hold more."""

    def averaged(self) -> AbstractContextManager[None]:
        """Within the block the model has its averaged weights, if there is an average; asked of those of whom
        `snapshot` is.
        """
        ...


class Step(Protocol):
    """The compiled step."""

    def feed(self, batches: Any) -> Iterator[Batch]:
        """An iterator for `run` of a `tf.data.Dataset` of this worker's rows of each global batch."""
        ...

    def run(self, iterator: Iterator[Batch], count: int) -> dict[str, Any]:
        """Runs `count` steps on the next batches without a host sync.

        Args:
            iterator: of `feed`.
            count: steps.

        Returns:
            Scalars but for the last, which the caller may turn into numbers much later: "loss" and its parts
            (global values), `LIVE_DATA` shares, "learning_rate" (of this step), "gradient_norm" (before
            clipping), "finite" (this step and all before it were), "steps" (good steps of these),
            "data_wait_seconds" (sum over them), and "squared_norms" `[V]`, one per variable of the state.
            They are those of the last step or, where one was not finite, of that one. After a step that is
            not finite nothing changes until `clear_stop`.
        """
        ...

    def clear_stop(self) -> None:
        """Lets steps change the weights again."""


class Telemetry(Protocol):
    """Speed and memory of a task."""

    def numbers(self, clips_per_second: float) -> dict[str, float]:
        """Metrics for a line of the journal, by name."""
        ...


class Guarded(Protocol):
    """Ends calls that wait for what will not come."""

    def call(self, function: Callable, *arguments: Any) -> Any:
        """`function(*arguments)`; raises `LostMachine` with the fault's sentence if it was ended."""
        ...


class Notice(Protocol):
    """The notice of a platform that takes the machine away."""

    @property
    def signals(self) -> Sequence[int]:
        """Those that the notice leaves to the caller."""
        ...

    def ends_after(self, step: int) -> bool:
        """Whether the run ends after this number of steps; every worker asks after every call of steps."""
        ...


class Engine(Protocol):
    """Runs a task on devices."""

    workers: Workers
    replicas: int  # among which a batch is divided

    @property
    def divides_state(self) -> bool:
        """Whether a worker holds but a part of the state, so that all are asked for it."""
        ...

    @property
    def is_accelerated(self) -> bool:
        """Whether the host is free while the devices take a step."""
        ...

    def describe(self) -> str:
        """The devices, in words."""
        ...

    def precision(self, asked: str) -> str:
        """The policy of Keras to compute with where `run.precision` is `asked`; logs why it is another."""
        ...

    def scope(self) -> AbstractContextManager:
        """Within the block objects are built that hold variables."""
        ...

    def build(self, task: Task, rows: Batch, *, check_loss: bool = True) -> None:
        """Makes the model's variables by calling it on a few empty rows; `check_loss`: the loss too, so that
        it says now what it lacks."""

    def place(self, task: Task, optimizer: Any, optimization: Optimization) -> State:
        """The state of a built task, at its beginning; with `optimizer` None, nothing will be trained."""
        ...

    def make_step(
        self, task: Task, state: State, *, optimization: Optimization, execution: Execution, seed: int
    ) -> Step:
        """The compiled step that changes `state`."""
        ...

    def telemetry(self, task: Task, rows: Batch, peak_flops: float | str | None) -> Telemetry:
        """Of a built task; `rows` as in `build`, `peak_flops` as in `Logging`."""
        ...

    def guard(self, fault: Callable[[], str | None] | None) -> AbstractContextManager[Guarded]:
        """Within the block, calls end when `fault` gives a sentence."""
        ...

    def preemption(
        self, settings: Preemption | None, model_dir: Path, save: Callable[[int], None]
    ) -> AbstractContextManager[Notice]:
        """Within the block the notice of a platform is handled; `save` saves after this number of steps."""
        ...

    def profiled(self, run_steps: Callable[..., dict], directory: Path) -> Callable[..., dict]:
        """`run_steps` with a trace of a few calls, written to `directory`."""
        ...
