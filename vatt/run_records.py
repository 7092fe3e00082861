"""What a run recorded of itself in its directory, for those that read it later: report, tables, export."""

import re
from pathlib import Path

from vatt.files.json_file import read_json


def starts(command: str) -> list[dict[str, str]]:
    """Of each start of the run, what command.txt says by name: "command", "started", "packages"…"""
    blocks = []
    for block in re.split(r"\n\s*\n", command.strip()):
        pairs = (line.partition(": ") for line in block.split("\n"))
        if named := {name.strip(): value.strip() for name, mark, value in pairs if mark}:
            blocks.append(named)
    return blocks


def bound_text(config: str, name: str) -> str:
    """A text that a recorded configuration binds to a name of capitals; "" where it binds none."""
    found = re.search(rf"^{re.escape(name)} = (?:\\\s+)?(['\"])(.+?)\1\s*$", config, re.MULTILINE)
    return found[2] if found else ""


def recorded_identity(checkpoints: Path, step: int | None = None) -> dict[str, str]:
    """What the checkpoint of a step, or the newest one whose summary can be read, belongs to: "data",
    "vocabulary", "batch_size", "seed". What is wrong with others is the run's to say.
    """
    found = []
    for path in checkpoints.glob("ckpt-*.json"):
        if number := re.fullmatch(r"ckpt-(\d{1,15})\.json", path.name):
            found.append((int(number[1]) == step, int(number[1]), path))
    for *_, path in sorted(found, reverse=True):
        try:
            identity = read_json(path, is_lenient=True)["facts"]["identity"]
            return {str(name): str(value) for name, value in identity.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return {}
