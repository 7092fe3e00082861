"""What a run directory says about its model: how it was made, and what was measured on these very weights."""

import dataclasses
from pathlib import Path
from typing import Any

from vatt.convert.run_directory import run_of
from vatt.files.json_file import parse_json, read_object
from vatt.run_records import recorded_identity, starts

_MOST_BYTES_OF_A_LINE = 1 << 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunFacts:
    """The records of a run, as far as they concern one set of weights."""

    config: str = ""  # the recorded configuration (gin), "" where there is none
    # what `command.txt` says of the last start, by key
    started: dict[str, str] = dataclasses.field(default_factory=dict)
    # what the checkpoint belongs to: fingerprint of the training records, words, batch, seed
    identity: dict[str, str] = dataclasses.field(default_factory=dict)
    # evaluator -> {"metrics", "protocol"}, of those that measured these weights
    evaluations: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)
    of_other_weights: tuple[str, ...] = ()  # names of evaluators that measured others
    steps: int = 0  # of its training, from the journal; 0 if unknown
    seconds: float = 0.0

    @property
    def kinds(self) -> set[str]:
        """What classifications were of: "single", "multi"."""
        return {each["protocol"]["kind"] for each in self.evaluations.values() if "kind" in each["protocol"]}

    @property
    def datasets(self) -> list[str]:
        """Names of the sets that were measured on."""
        named = (each["protocol"].get("data", {}).get("dataset") for each in self.evaluations.values())
        return sorted({name for name in named if name})


def read_run_facts(path: str | Path, weights: str) -> RunFacts:
    """The facts of the run that a path means; empty ones where it is none.

    Args:
        weights: fingerprint of the weights, as on protocol cards.
    """
    run = run_of(path)
    if run is None:
        return RunFacts()
    directory, step = run
    evaluations, others = {}, []
    for file in sorted((directory / "evaluations").glob("*.json")):
        evaluation = read_object(file, is_lenient=True)
        protocol = evaluation.get("artifact", {}).get("protocol", {})
        if protocol.get("weights") == weights:
            evaluations[file.stem] = {"metrics": evaluation["metrics"], "protocol": protocol}
        else:
            others.append(file.stem)
    last_line = _last_line(directory / "journal.jsonl")
    return RunFacts(
        config=_text(directory / "config.gin"),
        started=(starts(_text(directory / "command.txt")) or [{}])[-1],
        identity=recorded_identity(directory / "checkpoints", step),
        evaluations=evaluations,
        of_other_weights=tuple(others),
        steps=last_line.get("step", 0),
        seconds=last_line.get("seconds", 0.0),
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _last_line(journal: Path) -> dict[str, Any]:
    """The last whole line of a journal, of which only the end is read; {} where there is none."""
    if not journal.is_file():
        return {}
    with journal.open("rb") as file:
        file.seek(max(0, journal.stat().st_size - _MOST_BYTES_OF_A_LINE))
        lines = file.read().splitlines()
    for line in reversed(lines):
        try:
            return dict(parse_json(line, "a line", is_lenient=True))
        except (ValueError, TypeError):  # cut short, here or by a kill
            continue
    return {}
