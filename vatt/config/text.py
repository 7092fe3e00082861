"""Configurations as text: what a run records, and how two recorded ones differ."""

import difflib
import re
from typing import Any

import gin

from vatt.config.gin_internals import BindingStatement, statements_as_written

_MAY_DIFFER = ("MODEL_DIR", "run.model_dir", "run.strategy")  # of two configurations of one run
_IMPORT = re.compile(r"(import|from) ")
_WIDTH = 110


def config_text() -> str:
    """The configuration in force, as a gin file that reproduces the run alone."""
    return _plain_imports(gin.config_str(max_line_length=_WIDTH))


def operative_text() -> str:
    """Every value that was used so far, defaults included."""
    return _plain_imports(gin.operative_config_str(max_line_length=_WIDTH))


def _plain_imports(text: str) -> str:
    """Drops the aliases of `import a.b as a2`, which gin makes up to keep names apart and nothing reads."""
    lines = text.split("\n")
    imports = sorted({re.sub(r" as \w+$", "", line) for line in lines if _IMPORT.match(line)})
    return "\n".join([*imports, *(line for line in lines if not _IMPORT.match(line))]).strip() + "\n"


def as_written(text: str) -> dict[str, Any]:
    """The bindings of a gin file by key ("scope/Name.parameter"), the later of two, without looking any name
    up and without running its `import` lines; a reference is the text that stands there ("%NAME", "@name()").
    """
    found = {}
    for statement in statements_as_written(text):
        if isinstance(statement, BindingStatement):
            name = "/".join(filter(None, (statement.scope, statement.selector)))
            found[".".join(filter(None, (name, statement.arg_name)))] = statement.value
    return found


def difference(recorded: str, current: str) -> list[str]:
    """Lines of a unified diff between two configurations; empty where they describe the same run.

    Layout, comments and order do not count, nor do the place of the run directory and the devices, which
    change results by rounding only.
    """
    lines = [
        sorted(f"{key} = {value!r}" for key, value in as_written(text).items() if key not in _MAY_DIFFER)
        for text in (recorded, current)
    ]
    compared = difflib.unified_diff(lines[0], lines[1], "recorded", "now", lineterm="", n=0)
    return [line for line in compared if not line.startswith("@@")]
