"""The numbers of a run: `journal.jsonl`, one JSON object a line, and the same as TensorBoard events and for
other programs that keep them.

The journal is the truth and the events are its copy. A run that resumes from step n cuts the journal back to
n and writes the events anew, so that no step stands there twice.
"""

import datetime
import json
import logging
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vatt.files import json_file
from vatt.files.json_file import JsonError, parse_json
from vatt.files.regular_file import bounded_lines, open_regular
from vatt.files.whole_file import appended, write_text
from vatt.protocols import MetricWriter
from vatt.train.events import Events

HISTORY = "evaluations/history.jsonl"  # one line per evaluation, written by `vatt/train/evaluation.py`
INCIDENTS = "incidents.jsonl"  # what went wrong outside of any line; never cut back, for it did happen
_log = logging.getLogger(__name__)

_BOOKKEEPING = ("step", "alarms")
_MOST_BYTES_OF_A_LINE = 16 << 20  # a line has some hundred bytes


class Journal:
    """Appends lines of numbers.

    Args:
        model_dir: the run directory.
        last_step: lines of later steps are cut off; 0 starts a new journal.
        writers: others that get every number; they are started here and closed with the journal.

    `seconds` is the training time of the lines that were kept, `lines` are those lines, `events` the
    TensorBoard events.
    """

    def __init__(self, model_dir: Path, last_step: int, writers: Sequence[MetricWriter] = ()):
        self._path = model_dir / "journal.jsonl"
        self.lines = cut_back(self._path, last_step)
        self.seconds = max((line.get("seconds", 0.0) for line in self.lines), default=0.0)
        self.events = Events(model_dir / "events")
        self._writers = [self.events, *writers]
        for writer in self._writers:
            writer.start(model_dir=model_dir, step=last_step)
        history = model_dir / HISTORY
        evaluations = read_lines(history) if history.is_file() else ()
        for line in [*self.lines, *(line for line in evaluations if line["step"] <= last_step)]:
            self.events.write(line["step"], _numbers(line))

    def write(self, line: dict) -> None:
        """`line`: "step", any other numbers by name, and maybe "alarms", sentences."""
        append_line(self._path, line)
        self.write_evaluation(line["step"], line)

    def write_evaluation(self, step: int, numbers: dict[str, float]) -> None:
        """Numbers of the evaluators; they have files of their own and do not stand in the journal."""
        for writer in self._writers:
            writer.write(step, _numbers(numbers))

    def close(self) -> None:
        for writer in self._writers:
            writer.close()


def _numbers(line: dict) -> dict[str, float]:
    return {
        name: value
        for name, value in line.items()
        if name not in _BOOKKEEPING and isinstance(value, int | float)
    }


def note_incident(model_dir: Path, step: int, kind: str, sentence: str) -> None:
    """Adds to `incidents.jsonl` what a person who was not there must be able to find later.

    Args:
        model_dir: the run directory.
        step: which one it is about.
        kind: what kind of incident, in two or three words.
        sentence: what happened.
    """
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    line = {"step": step, "time": now, "kind": kind, "sentence": sentence}
    try:
        append_line(model_dir / INCIDENTS, line)
    except OSError as error:  # a full disk, maybe the incident itself: the run has reported it already
        _log.warning("An incident could not be noted: %s", error)


def append_line(path: Path, line: dict) -> None:
    """Adds one JSON object to a file of lines."""
    with appended(path) as file:
        file.write(json.dumps(_plain(line)) + "\n")


def cut_back(path: Path, last_step: int) -> list[dict]:
    """Takes the lines of steps after `last_step` out of a file of lines; returns the others."""
    if not path.is_file():
        return []
    kept = [line for line in read_lines(path) if line["step"] <= last_step]
    write_text(path, "".join(json.dumps(line) + "\n" for line in kept))
    return kept


def read_lines(path: Path) -> Iterator[dict]:
    """The lines of a file, in order; one that a kill cut short is left out."""
    with open_regular(path) as file:
        for text in bounded_lines(file, _MOST_BYTES_OF_A_LINE):
            try:
                line = parse_json(text, path.name, is_lenient=True)
            except JsonError:
                continue
            if isinstance(line, dict) and isinstance(line.get("step"), int):
                yield line


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file whole or not at all; a number that is not finite becomes null."""
    write_text(path, json.dumps(_plain(value), indent=1) + "\n")


def read_json(path: Path) -> Any:
    """What the file holds; None where it is missing or broken."""
    try:
        return json_file.read_json(path, is_lenient=True)
    except (OSError, ValueError):
        return None


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
