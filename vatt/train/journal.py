"""The numbers of a run: `journal.jsonl`, one JSON object a line, and the same as TensorBoard events.

The journal is the truth and the events are its copy. A run that resumes from step n cuts the journal back to
n and writes the events anew, so that no step stands there twice.
"""

import json
import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf


class Journal:
    """Appends lines of numbers.

    Args:
        model_dir: the run directory.
        last_step: lines of later steps are cut off; 0 starts a new journal.

    `seconds` is the training time of the lines that were kept.
    """

    def __init__(self, model_dir: Path, last_step: int):
        self._path = model_dir / "journal.jsonl"
        kept = cut_back(self._path, last_step)
        self.seconds = max((line.get("seconds", 0.0) for line in kept), default=0.0)
        events = model_dir / "events"
        shutil.rmtree(events, ignore_errors=True)
        self._events = tf.summary.create_file_writer(str(events))
        for line in kept:
            self._write_events(line)

    def write(self, line: dict) -> None:
        """`line`: "step", and any other numbers by name."""
        append_line(self._path, line)
        self._write_events(line)

    def write_evaluation(self, step: int, numbers: dict[str, float]) -> None:
        """Numbers of the evaluators; they have files of their own, so that only the events need them."""
        self._write_events({"step": step, **numbers})

    def close(self) -> None:
        self._events.close()

    def _write_events(self, line: dict) -> None:
        with self._events.as_default(step=line["step"]):
            for name, value in line.items():
                if name != "step" and isinstance(value, int | float):
                    tf.summary.scalar(name, value)


def append_line(path: Path, line: dict) -> None:
    """Adds one JSON object to a file of lines."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(_plain(line)) + "\n")


def cut_back(path: Path, last_step: int) -> list[dict]:
    """Takes the lines of steps after `last_step` out of a file of lines; returns the others."""
    if not path.is_file():
        return []
    kept = [line for line in read_lines(path) if line["step"] <= last_step]
    _write_whole(path, "".join(json.dumps(line) + "\n" for line in kept))
    return kept


def read_lines(path: Path) -> Iterator[dict]:
    """The lines of a file, in order; one that a kill cut short is left out."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for text in file:
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict) and isinstance(line.get("step"), int):
                yield line


def write_json(path: Path, value) -> None:
    """Writes a JSON file whole or not at all; a number that is not finite becomes null."""
    _write_whole(path, json.dumps(_plain(value), indent=1) + "\n")


def read_json(path: Path):
    """What the file holds; None where it is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _write_whole(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".saving")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def _plain(value):
    """JSON has no NaN and no infinity, and knows nothing of NumPy."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy scalars and arrays
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
