"""What a run is asked to do, a job, and what it hands to it: where it writes, its seed, its devices, its
command.
"""

import abc
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vatt.engines.protocol import Engine

# In the run directory: the model without its weights, as Keras describes it, and what it takes.
MODEL_FILE = "model.json"
INPUTS_FILE = "inputs.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunContext:
    """Made by `vatt.run.run`; everything else a job needs comes from its configuration.

    Args:
        model_dir: the run directory, which exists and is locked (in a dry run it may not exist).
        seed: keys every random draw of the run.
        engine: the devices, under whose scope the job is built.
        command: the shell command that resumes this run.
        dry_run: build, say what would run, and stop.
        profile: record a few steps for TensorBoard's profiler.
        forced: the user wants to resume although what is recorded differs.
        followed_dir: the run directory of the training that this job accompanies; None if it is on its own.
        publish: sends what changed in `model_dir` to the store that it stands for; for after what must not be
            lost. RunError: another process writes there now.
        publish_soon: the same in a thread of its own, at once, without a wait; what went wrong the next
            `publish` says.
        refresh: fetches what another process has sent there.
        address: of that store's folder; "" where `model_dir` is the run directory itself.
    """

    model_dir: Path
    seed: int
    engine: Engine
    command: str = ""
    dry_run: bool = False
    profile: bool = False
    forced: bool = False
    followed_dir: Path | None = None
    publish: Callable[[], None] = lambda: None
    publish_soon: Callable[[], None] = lambda: None
    refresh: Callable[[], None] = lambda: None
    address: str = ""

    def shown(self, path: Path) -> str:
        """A path in `model_dir`, as the run's owner can open it."""
        inner = Path(path).relative_to(self.model_dir).as_posix() if self.address else ""
        return f"{self.address}/{inner}".removesuffix("/.") if self.address else str(path)


class Job(abc.ABC):
    """What `run.job` names, without parentheses: a class that is built under the scope of the engine."""

    @staticmethod  # noqa: B027 (a job whose numbers have no relations)
    def check(numbers: Mapping[str, Any], *, replicas: int) -> None:
        """Raises where numbers of the configuration contradict each other; called before anything is built.

        Args:
            numbers: what the job's arguments will be, as far as they are numbers: by name, in a dict for each
                argument that is an object of settings (`vatt.config.numbers_of`).
            replicas: devices that share a step.
        """

    @abc.abstractmethod
    def run(self, run: RunContext) -> int:
        """Does the work; returns the exit status."""
