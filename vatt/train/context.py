"""What a run hands to its job: where it writes, its seed, its devices, and how to call it again."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

# In the run directory: the model without its weights, as Keras describes it, and what it takes.
MODEL_FILE = "model.json"
INPUTS_FILE = "inputs.json"


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
