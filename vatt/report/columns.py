"""The journal of a run as columns of numbers: a long run has half a million lines, and a dictionary for each
would take a gigabyte.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vatt.files.json_file import JsonError, parse_json
from vatt.files.regular_file import bounded_lines, open_regular

_LINES_AT_ONCE = 4000
_MOST_BYTES_OF_A_LINE = 1 << 20  # one has some hundred bytes
_NOTHING = np.zeros((0, 2))
_PLAIN = frozenset({float, type(None)})
_TEXTS = ("alarms",)  # columns that hold no numbers


@dataclasses.dataclass(kw_only=True)
class Columns:
    """What the lines of a journal hold."""

    # name -> float64 [N, 2], step and value, steps rising; NaN for what is no finite number
    points: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    # (step, sentence), in the order of the file
    alarms: list[tuple[int, str]] = dataclasses.field(default_factory=list)
    lines: int = 0  # how many could be read
    torn: int = 0  # how many could not

    def __getitem__(self, name: str) -> np.ndarray:
        """float64 [N, 2] of a column; [0, 2] where there is none."""
        return self.points.get(name, _NOTHING)

    def __bool__(self) -> bool:
        return bool(self.lines)

    def finite(self, name: str) -> np.ndarray:
        """float64 [N]: the finite values of a column."""
        values = self[name][:, 1]
        return values[np.isfinite(values)]

    @property
    def last_step(self) -> int:
        """The highest step of any line, 0 without lines."""
        return int(max((column[-1, 0] for column in self.points.values() if len(column)), default=0))

    @property
    def seconds(self) -> float | None:
        """Training time: "seconds" counts on from the start before; where it falls back, another began."""
        values = self.finite("seconds")
        if not len(values):
            return None
        return float(values[-1] + values[:-1][np.diff(values) < 0].sum())


def read_columns(path: Path) -> Columns:
    """The lines of a file; of several of one step, the last counts."""
    columns = Columns()
    parts: dict[str, list[np.ndarray]] = {}
    for lines in _lines(path, columns):
        columns.lines += len(lines)
        for names, group in itertools.groupby(lines, key=tuple):
            alike = list(group)
            steps = np.array([line["step"] for line in alike], np.float64)
            for name, values in zip(names, zip(*(line.values() for line in alike))):
                if name in _TEXTS:
                    columns.alarms += _sentences(steps, values)
                elif name != "step":
                    parts.setdefault(name, []).append(np.stack([steps, _numbers(values)], axis=1))
    columns.points = {name: _rising(np.concatenate(pieces)) for name, pieces in parts.items()}
    return columns


def _lines(path: Path, columns: Columns) -> Iterator[list[dict]]:
    """Blocks of lines as objects with a "step"; the others are counted as torn."""
    with open_regular(path) as file:
        lines = bounded_lines(file, _MOST_BYTES_OF_A_LINE)
        while block := list(itertools.islice(lines, _LINES_AT_ONCE)):
            try:  # all at once takes a fifth less time than one by one
                found = parse_json(b"[" + b",".join(block) + b"]", path.name, is_lenient=True)
                whole = len(found) == len(block)
            except JsonError:
                whole = False
            if not whole:
                found = [_line(text) for text in block if text.strip()]
            kept = [line for line in found if isinstance(line, dict) and _is_step(line.get("step"))]
            columns.torn += len(found) - len(kept)
            yield kept


def _line(text: bytes):
    try:
        return parse_json(text, "a line", is_lenient=True)
    except JsonError:
        return None


def _is_step(value) -> bool:
    return type(value) is int and 0 <= value < 2**53


def _numbers(values: tuple) -> np.ndarray:
    if _PLAIN.issuperset(map(type, values)):
        made = np.array(values, np.float64)  # None becomes NaN
        return np.where(np.isfinite(made), made, np.nan)
    return np.array([_number(value) for value in values])


def _number(value) -> float:
    try:
        return float(value) if isinstance(value, int | float) and math.isfinite(value) else math.nan
    except OverflowError:
        return math.nan


def _sentences(steps: np.ndarray, values: tuple) -> list[tuple[int, str]]:
    return [
        (int(step), str(sentence))
        for step, sentences in zip(steps, values)
        for sentence in (sentences if isinstance(sentences, list) else [sentences])
    ]


def _rising(column: np.ndarray) -> np.ndarray:
    steps = column[:, 0]
    if (np.diff(steps) > 0).all():
        return column
    column = column[np.argsort(steps, kind="stable")]
    return column[np.append(np.diff(column[:, 0]) > 0, True)]
