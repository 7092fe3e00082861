"""What runs of ours reached: each run directory with the gin files that made it and the numbers it found."""

import dataclasses
import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from vatt.config.flags import files_and_bindings
from vatt.files.json_file import read_json
from vatt.run_records import bound_text, starts
from vatt.tables.paper import Cell
from vatt.terminal import say

# Settings of locations and seeds, not of the measurement.
_PLACES = {
    "MODEL_DIR",
    "DATA_DIR",
    "CHECKPOINT",
    "VOCABULARY",
    "FEATURES_DIR",
    "HOWTO100M",
    "AUDIOSET",
    "SEED",
}
_NEUTRAL = {"evaluate"}  # an overlay that evaluates the same during the run


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """The last evaluation of a run."""

    directory: Path  # of the run
    gin: tuple[str, ...]  # names of its gin files
    start: tuple[str, ...]  # those of the run that it started from; () where that is not known
    changed: tuple[str, ...]  # settings given on the command line that may make another number of it
    step: int  # of the evaluation
    numbers: dict[str, float]  # by name
    protocols: dict[str, dict]  # evaluator -> protocol card
    written: float  # when, in seconds of the clock

    def fits(self, cell: Cell) -> bool:
        """Whether a cell's figure is of this very protocol."""
        return (
            bool(cell.gin)
            and cell.number in self.numbers
            and _same(self.gin, cell.gin)
            and not self.is_of_a_subset(cell.number.partition("/")[0])
            and (not cell.start or _same(self.start, cell.start))
        )

    def is_of_a_subset(self, evaluator: str) -> bool:
        """Whether an evaluator measured, or was trained on, a part of a published set."""
        card = self.protocols.get(evaluator, {})
        parts = [card.get("data"), card.get("train_data"), *_parts(card.get("mean_over"))]
        return any(isinstance(part, dict) and part.get("subset") for part in parts)


def _parts(cards) -> list:
    """The data of the cards that a mean over splits is of."""
    of_splits = cards.values() if isinstance(cards, dict) else ()
    return [card.get("data") for card in of_splits if isinstance(card, dict)]


def read_results(places: Iterable[str | Path]) -> list[Result]:
    """The runs in some directories and anywhere below them, the newest first; how many are none is said."""
    found = {path for place in places for path in _metrics_below(Path(place).expanduser())}
    read = {path: _read(path.parent) for path in sorted(found)}
    if lost := [path for path, result in read.items() if result is None]:
        say(f"{len(lost)} of {len(read)} files are not as a run writes them, and left out; first {lost[0]}")
    return sorted(filter(None, read.values()), key=lambda result: (-result.written, str(result.directory)))


def _metrics_below(place: Path) -> Iterator[Path]:
    if not place.is_dir():
        raise FileNotFoundError(
            f"Results are read from run directories. Received: {place}, which is none. Name the folder that "
            "`MODEL_DIR` of the runs is in."
        )
    return place.rglob("metrics.json")


def _read(directory: Path) -> Result | None:
    path = directory / "metrics.json"
    try:
        numbers = read_json(path, is_lenient=True)
        step = int(numbers.pop("step"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    command, checkpoint = _command(directory), _checkpoint(directory)
    return Result(
        directory=directory,
        gin=_gin_files(command),
        start=_gin_files(_command(checkpoint)) if checkpoint else (),
        changed=_changes(command),
        step=step,
        numbers=numbers,
        protocols=dict(_protocols(directory)),
        written=path.stat().st_mtime,
    )


def _command(directory: Path) -> list[str]:
    """The words of the last command that made a run; none where it is not recorded."""
    try:
        commands = [
            start["command"] for start in starts(_text(directory / "command.txt")) if "command" in start
        ]
        return shlex.split(commands[-1]) if commands else []
    except ValueError:  # a quotation that does not end
        return []


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _gin_files(command: list[str]) -> tuple[str, ...]:
    """Names of its gin files."""
    return tuple(Path(file).stem for file in files_and_bindings(command)[0])


def _changes(command: list[str]) -> tuple[str, ...]:
    """The bindings of a command that may change the numbers, as NAME=VALUE."""
    bindings = (binding.split(" = ", 1) for binding in files_and_bindings(command)[1])
    return tuple(f"{name}={value}" for name, value in bindings if name not in _PLACES)


def _checkpoint(directory: Path) -> Path | None:
    """The run directory that a run started from."""
    named = bound_text(_text(directory / "config.gin"), "CHECKPOINT")
    path = Path(named)
    is_one_of_several = re.fullmatch(r"ckpt-\d+", path.name) and len(path.parts) > 2
    return (path.parents[1] if is_one_of_several else path) if named else None


def _protocols(directory: Path) -> Iterator[tuple[str, dict]]:
    for path in sorted((directory / "evaluations").glob("*.json")):
        try:
            yield path.stem, read_json(path, is_lenient=True)["artifact"]["protocol"]
        except (OSError, ValueError, KeyError, TypeError):
            continue  # written before there were cards


def _same(names: Iterable[str], wanted: Iterable[str]) -> bool:
    return set(names) - _NEUTRAL == set(wanted)
