"""What a run left in its directory, read with patience: what is missing or torn becomes a sentence."""

import dataclasses
import datetime
import math
import pathlib
import re
from typing import Any

from vatt.json_file import JsonError, parse_json, read_json
from vatt.report.columns import Columns, read_columns
from vatt.report.evaluation import Evaluation

_MOST_BYTES = 256 * 2**20  # of a JSON file; what is larger is none of ours
_FOLLOWERS = "*/metrics.json"  # of `CheckpointEvaluation`, which write into folders of their own


@dataclasses.dataclass(kw_only=True)
class Troubles:
    """What a run left of what went wrong, besides the alarms of its journal.

    Args:
        incidents: of incidents.jsonl: "step", "time", "kind", "sentence".
        set_aside: names of the damaged checkpoints that were moved aside.
        bad_batches: names of the kept batches of steps that were not finite.
        failure: last line of traceback.txt, if it is newer than any number; "" else.
    """

    incidents: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    set_aside: list[str] = dataclasses.field(default_factory=list)
    bad_batches: list[str] = dataclasses.field(default_factory=list)
    failure: str = ""


@dataclasses.dataclass(kw_only=True)
class RunFiles:
    """The contents of a run directory.

    Args:
        directory: of the run.
        journal: numbers along the training.
        evaluations: name of the evaluator -> what it found; with the folder before it, "evaluation: NAME",
            where a separate `evaluate` job measured.
        metrics: the final numbers by name.
        troubles: what went wrong.
        identity: what the newest checkpoint belongs to: "data", "vocabulary", "batch_size", "seed".
        command, config, operative: text of the files, "" where absent.
        finished: when the last number was written.
        remarks: sentences about what is missing or unreadable.
    """

    directory: pathlib.Path
    journal: Columns = dataclasses.field(default_factory=Columns)
    evaluations: dict[str, Evaluation] = dataclasses.field(default_factory=dict)
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)
    troubles: Troubles = dataclasses.field(default_factory=Troubles)
    identity: dict[str, str] = dataclasses.field(default_factory=dict)
    command: str = ""
    config: str = ""
    operative: str = ""
    finished: datetime.datetime | None = None
    remarks: list[str] = dataclasses.field(default_factory=list)

    @property
    def name(self) -> str:
        return self.directory.resolve().name

    @property
    def starts(self) -> list[dict[str, str]]:
        """Of each start of the run, what command.txt says by name: "command", "started", "packages"…"""
        return _starts(self.command)

    @property
    def job(self) -> str:
        """ "Trainer", "ModelEvaluation", …; "" where the configuration does not say."""
        found = re.search(r"^run\.job = @(?:[\w./]*[./])?(\w+)", self.config, re.MULTILINE)
        return found[1] if found else ""


def read_run(model_dir) -> RunFiles:
    """Reads a run directory; only its absence is an error."""
    directory = pathlib.Path(model_dir)
    if not directory.is_dir():
        raise FileNotFoundError(
            f"A report is made from a run directory. Received: {str(directory)!r}, which is none. "
            "Give the MODEL_DIR of a run, the folder with journal.jsonl in it."
        )
    run = RunFiles(directory=directory)
    run.command = _text(run, "command.txt", "which command made this run is not recorded")
    run.config = _text(run, "config.gin", "its configuration is not recorded")
    run.operative = _text(run, "operative.gin", None)
    run.journal = _journal(run)
    run.metrics = _numbers(_json(run, "metrics.json", "the final numbers are not there"))
    _read_evaluations(run, "")
    for metrics in sorted(directory.glob(_FOLLOWERS)):
        _read_evaluations(run, f"{metrics.parent.name}/")
    if not run.evaluations:
        run.remarks.append("No evaluation is on record yet.")
    run.troubles.incidents = _lines(run, "incidents.jsonl")
    run.identity = _identity(run)
    run.troubles.set_aside = [path.name for path in sorted((directory / "checkpoints/damaged").glob("*"))]
    run.troubles.bad_batches = [path.name for path in sorted((directory / "bad_batches").glob("*.npz"))]
    written = [directory / "journal.jsonl", directory / "metrics.json"]
    times = [path.stat().st_mtime for path in written if path.is_file()]
    if times:
        run.finished = datetime.datetime.fromtimestamp(max(times)).astimezone()
    run.troubles.failure = _failure(directory / "traceback.txt", max(times, default=0.0))
    return run


def _text(run: RunFiles, name: str, consequence: str | None) -> str:
    path = run.directory / name
    try:
        if path.is_file():
            if path.stat().st_size > _MOST_BYTES:
                run.remarks.append(f"{name} is left out: it is larger than {_MOST_BYTES / 2**20:.0f} MiB.")
                return ""
            return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        run.remarks.append(f"{name} can not be read ({error.strerror}).")
        return ""
    if consequence:
        run.remarks.append(f"{name} is missing: {consequence}.")
    return ""


def _json(run: RunFiles, name: str, consequence: str | None):
    text = _text(run, name, consequence)
    if not text:
        return None
    try:
        return parse_json(text, name, is_lenient=True)
    except JsonError as error:
        run.remarks.append(f"{name} can not be read ({error.problem}).")
        return None


def _lines(run: RunFiles, name: str) -> list[dict]:
    """The JSON objects of a file of lines."""
    found, torn = [], 0
    for text in _text(run, name, None).strip("\n").split("\n"):
        try:
            line = parse_json(text, name, is_lenient=True)
        except JsonError:
            line = None
        if isinstance(line, dict):
            found.append(line)
        else:
            torn += bool(text.strip())
    if torn:
        run.remarks.append(f"{name} holds {torn} line(s) that can not be read; they are left out.")
    return found


def _journal(run: RunFiles) -> Columns:
    path = run.directory / "journal.jsonl"
    if not path.is_file():
        if run.job not in ("ModelEvaluation", "CheckpointEvaluation"):  # which make no step
            run.remarks.append("journal.jsonl is missing: there are no curves.")
        return Columns()
    try:
        journal = read_columns(path)
    except OSError as error:
        run.remarks.append(f"journal.jsonl can not be read ({error.strerror}).")
        return Columns()
    if journal.torn:
        torn = f"{journal.torn:,} line(s) that can not be read; they are left out"
        run.remarks.append(f"journal.jsonl holds {torn}.")
    return journal


def _read_evaluations(run: RunFiles, folder: str) -> None:
    history = [line for line in _lines(run, f"{folder}evaluations/history.jsonl") if "step" in line]
    for path in sorted((run.directory / folder / "evaluations").glob("*.json")):
        content = _json(run, f"{folder}evaluations/{path.name}", None)
        if isinstance(content, dict):
            name = folder.replace("/", ": ") + path.stem
            run.evaluations[name] = _evaluation(name, path.stem, content, history)


def _evaluation(name: str, prefix: str, content: dict, history: list[dict]) -> Evaluation:
    step, artifact = content.get("step"), content.get("artifact")
    metrics = _numbers(content.get("metrics"))
    along = [_numbers(line) for line in history]
    return Evaluation(
        name=name,
        prefix=prefix,
        step=step if isinstance(step, int) else None,
        metrics=metrics,
        artifact=artifact if isinstance(artifact, dict) else {},
        history=[line for line in along if "step" in line and metrics.keys() & line.keys()],
    )


def _starts(command: str) -> list[dict[str, str]]:
    """The blocks of command.txt, "name: value" in each line."""
    blocks = []
    for block in re.split(r"\n\s*\n", command.strip()):
        pairs = (line.partition(": ") for line in block.split("\n"))
        if named := {name.strip(): value.strip() for name, mark, value in pairs if mark}:
            blocks.append(named)
    return blocks


def _identity(run: RunFiles) -> dict[str, str]:
    """Of the newest checkpoint whose summary can be read; what is wrong with others is the run's to say."""
    found = []
    for path in (run.directory / "checkpoints").glob("ckpt-*.json"):
        if number := re.fullmatch(r"ckpt-(\d{1,15})\.json", path.name):
            found.append((int(number[1]), path))
    for _, path in sorted(found, reverse=True):
        try:
            identity = read_json(path, is_lenient=True)["facts"]["identity"]
            return {str(name): str(value) for name, value in identity.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return {}


def _failure(path: pathlib.Path, last_number: float) -> str:
    try:
        if path.stat().st_mtime <= last_number:
            return ""
        lines = path.read_text(encoding="utf-8", errors="replace").strip().split("\n")
    except OSError:
        return ""
    return lines[-1] if lines else ""


def _numbers(values) -> dict[str, float]:
    values = values if isinstance(values, dict) else {}
    return {str(name): value for name, value in values.items() if _is_finite(value)}


def _is_finite(value) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False
