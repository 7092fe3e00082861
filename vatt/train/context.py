"""What a run hands to its job: where it writes, its seed, its devices, and how to call it again."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

# In the run directory: the model without its weights, as Keras describes it, and what it takes.
MODEL_FILE = "model.json"
INPUTS_FILE = "inputs.json"

_GRAPH_LINES = ("Graph execution error:", "Detected at node ", "<stack traces unavailable>", " ", "\t")


class RunError(RuntimeError):
    """A condition of a run that the user can act on; the message is all there is to see.

    Attributes:
        exit_status: of the process. 2 says that the same command would fail again; 75, EX_TEMPFAIL of
            sysexits.h, that a scheduler may start it again as it is.
    """

    exit_status = 2


class LostMachine(RunError):
    """Another machine that the run needs is gone: a worker, or one that makes batches."""

    exit_status = 75


def reason_of(error: Exception) -> str:
    """What an error says to a person: without the calls that gin lists and the nodes TensorFlow names."""
    text = str(error).partition("\n  In call to configurable ")[0].strip()
    if hasattr(error, "error_code"):  # TensorFlow's: "{{node …}} assertion failed: [text] [value] [Op:…]"
        # From a compiled function it comes after where in the graph it happened.
        reasons = [line for line in text.splitlines() if line and not line.startswith(_GRAPH_LINES)]
        text = re.sub(r"\{\{.*?\}\} ?|\s*\[Op:\w+\].*", "", reasons[0] if reasons else text)
        _, failed, values = text.partition("assertion failed: [")
        if failed:
            text = values.removesuffix("]").replace("] [", " ")
    return text


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunContext:
    """Made by `vatt.run.run`; everything else a job needs comes from its configuration.

    Args:
        model_dir: the run directory, which exists and is locked (in a dry run it may not exist).
        seed: keys every random draw of the run.
        strategy: the `tf.distribute.Strategy` under whose scope the job is built.
        command: the shell command that continues this run.
        on_built: to be called once all objects exist, before anything long.
        dry_run: build, say what would run, and stop.
        profile: record a few steps for TensorBoard's profiler.
        forced: the user wants to go on although what is recorded differs.
        followed_dir: the run directory of the training that this job accompanies; None for one on its own.
        instead: called with what the job built, instead of what the job would do with it.
    """

    model_dir: Path
    seed: int
    strategy: Any
    command: str = ""
    on_built: Callable[[], None] = lambda: None
    dry_run: bool = False
    profile: bool = False
    forced: bool = False
    followed_dir: Path | None = None
    instead: Callable[..., int] | None = None
