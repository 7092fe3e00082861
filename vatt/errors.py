"""Errors that end a command with one message, what any error says in a sentence, and the nearest names."""

import difflib
import re
from collections.abc import Iterable

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


class ConfigError(ValueError):
    """A configuration that no run can use; the message is all that the user needs to see."""


def closest(name: str, names: Iterable[str], count: int = 3) -> str:
    """ "Closest: `a`, `b`." for the names most like `name`, or "" where none is."""
    matches = difflib.get_close_matches(name, sorted(set(names)), n=count, cutoff=0.5)
    return f" Closest: {', '.join(f'`{match}`' for match in matches)}." if matches else ""


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
