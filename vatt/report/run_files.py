"""What a run left in its directory, read with patience: what is missing or torn becomes a sentence."""

import dataclasses
import datetime
import math
import pathlib
import re
from typing import Any

from vatt.files.json_file import JsonError, parse_json
from vatt.report.columns import Columns, read_columns
from vatt.report.evaluation import Evaluation
from vatt.run_records import recorded_identity

_MOST_BYTES = 256 * 2**20  # of a JSON file; what is larger is none of ours
_FOLLOWERS = "*/metrics.json"  # of `CheckpointEvaluation`, which write into folders of their own


@dataclasses.dataclass(kw_only=True)
class RunFiles:
    """The contents of a run directory."""

    directory: pathlib.Path  # of the run
    journal: Columns = dataclasses.field(default_factory=Columns)  # numbers along the training
    # name of the evaluator -> what it found; with the folder before it, "evaluation: NAME", where a separate
    # `evaluate` job measured
    evaluations: dict[str, Evaluation] = dataclasses.field(default_factory=dict)
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)  # the final numbers by name
    # of incidents.jsonl: "step", "time", "kind", "sentence"
    incidents: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    # what the newest checkpoint belongs to: "data", "vocabulary", "batch_size", "seed"
    identity: dict[str, str] = dataclasses.field(default_factory=dict)
    command: str = ""  # text of command.txt, "" where absent; so for the next two
    config: str = ""
    operative: str = ""
    finished: datetime.datetime | None = None  # when the last number was written
    # sentences about what is missing or unreadable
    remarks: list[str] = dataclasses.field(default_factory=list)

    @property
    def name(self) -> str:
        return self.directory.resolve().name

    @property
    def set_aside(self) -> list[str]:
        """Names of the damaged checkpoints that were moved aside."""
        return [path.name for path in sorted((self.directory / "checkpoints/damaged").glob("*"))]

    @property
    def bad_batches(self) -> list[str]:
        """Names of the kept batches of steps that were not finite."""
        return [path.name for path in sorted((self.directory / "bad_batches").glob("*.npz"))]

    @property
    def failure(self) -> str:
        """Last line of traceback.txt, if it is newer than any number; "" else."""
        path = self.directory / "traceback.txt"
        try:
            if path.stat().st_mtime <= (self.finished.timestamp() if self.finished else 0):
                return ""
            return path.read_text(encoding="utf-8", errors="replace").strip().split("\n")[-1]
        except OSError:
            return ""

    @property
    def makes_steps(self) -> bool:
        """Whether its job trains, as far as the configuration says."""
        job = re.search(r"^run\.job = @(?:[\w./]*[./])?(\w+)", self.config, re.MULTILINE)
        return job is None or job[1] not in ("ModelEvaluation", "CheckpointEvaluation")


def read_run(model_dir: str | pathlib.Path) -> RunFiles:
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
    run.operative = _text(run, "operative.gin")
    run.journal = _journal(run)
    run.metrics = _numbers(_json(run, "metrics.json", "the final numbers are not there"))
    _read_evaluations(run, "")
    for metrics in sorted(directory.glob(_FOLLOWERS)):
        _read_evaluations(run, f"{metrics.parent.name}/")
    if not run.evaluations:
        run.remarks.append("No evaluation is on record yet.")
    run.incidents = _lines(run, "incidents.jsonl")
    run.identity = recorded_identity(directory / "checkpoints")
    written = [directory / "journal.jsonl", directory / "metrics.json"]
    if times := [path.stat().st_mtime for path in written if path.is_file()]:
        run.finished = datetime.datetime.fromtimestamp(max(times)).astimezone()
    return run


def _text(run: RunFiles, name: str, consequence: str = "") -> str:
    path = run.directory / name
    try:
        if path.is_file():
            if path.stat().st_size <= _MOST_BYTES:
                return path.read_text(encoding="utf-8", errors="replace")
            run.remarks.append(f"{name} is left out: it is larger than {_MOST_BYTES / 2**20:.0f} MiB.")
        elif consequence:
            run.remarks.append(f"{name} is missing: {consequence}.")
    except OSError as error:
        run.remarks.append(f"{name} can not be read ({error.strerror}).")
    return ""


def _json(run: RunFiles, name: str, consequence: str = "") -> Any:
    try:
        text = _text(run, name, consequence)
        return parse_json(text, name, is_lenient=True) if text else None
    except JsonError as error:
        run.remarks.append(f"{name} can not be read ({error.problem}).")
        return None


def _lines(run: RunFiles, name: str) -> list[dict[str, Any]]:
    """The JSON objects of a file of lines."""
    found, torn = [], 0
    for text in filter(str.strip, _text(run, name).split("\n")):
        try:
            line = parse_json(text, name, is_lenient=True)
        except JsonError:
            line = None
        if isinstance(line, dict):
            found.append(line)
        else:
            torn += 1
    if torn:
        run.remarks.append(f"{name} holds {torn} line(s) that can not be read; they are left out.")
    return found


def _journal(run: RunFiles) -> Columns:
    path = run.directory / "journal.jsonl"
    if not path.is_file():
        if run.makes_steps:
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
    history = [_numbers(line) for line in _lines(run, f"{folder}evaluations/history.jsonl")]
    for path in sorted((run.directory / folder / "evaluations").glob("*.json")):
        content = _json(run, f"{folder}evaluations/{path.name}")
        if not isinstance(content, dict):
            continue
        name = folder.replace("/", ": ") + path.stem
        step, artifact = content.get("step"), content.get("artifact")
        metrics = _numbers(content.get("metrics"))
        run.evaluations[name] = Evaluation(
            name=name,
            prefix=path.stem,
            step=step if isinstance(step, int) else None,
            metrics=metrics,
            artifact=artifact if isinstance(artifact, dict) else {},
            history=[line for line in history if "step" in line and metrics.keys() & line.keys()],
        )


def _numbers(values: Any) -> dict[str, float]:
    values = values if isinstance(values, dict) else {}
    return {str(name): value for name, value in values.items() if _is_finite(value)}


def _is_finite(value: Any) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False
