"""What a run hands to its job: where it writes, its seed, its devices, and how to call it again."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any


class RunError(RuntimeError):
    """A condition of a run that the user can act on; the message is all there is to see."""


def reason_of(error: Exception) -> str:
    """What an error says to a person: without the calls that gin lists and the nodes TensorFlow names."""
    text = str(error).partition("\n  In call to configurable ")[0].strip()
    if hasattr(error, "error_code"):  # TensorFlow's: "{{node …}} assertion failed: [text] [value] [Op:…]"
        text = re.sub(r"\{\{.*?\}\} ?|\s*\[Op:\w+\].*", "", text.splitlines()[0])
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
    """

    model_dir: Path
    seed: int
    strategy: Any
    command: str = ""
    on_built: Callable[[], None] = lambda: None
    dry_run: bool = False
