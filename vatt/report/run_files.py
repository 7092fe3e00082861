"""What a run left in its directory, read with patience: what is missing or torn becomes a sentence."""

import dataclasses
import datetime
import json
import pathlib

from vatt.report.evaluation import Evaluation


@dataclasses.dataclass(kw_only=True)
class RunFiles:
    """The contents of a run directory.

    Args:
        directory: where it lies.
        journal: lines of numbers by name, "step" among them, in ascending order of steps, each step once.
        evaluations: name of the evaluator -> what it found.
        metrics: the final numbers by name.
        command: text of command.txt, "" where absent; config and operative likewise.
        remarks: sentences about what is missing or unreadable.
    """

    directory: pathlib.Path
    journal: list[dict] = dataclasses.field(default_factory=list)
    evaluations: dict[str, Evaluation] = dataclasses.field(default_factory=dict)
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)
    command: str = ""
    config: str = ""
    operative: str = ""
    finished: datetime.datetime | None = None
    seconds: float | None = None
    remarks: list[str] = dataclasses.field(default_factory=list)


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
    run.seconds = _duration(run.journal)
    run.metrics = _numbers(_json(run, "metrics.json", "the final numbers are not there"))
    for path in sorted((directory / "evaluations").glob("*.json")):
        if isinstance(evaluation := _json(run, f"evaluations/{path.name}", None), dict):
            run.evaluations[path.stem] = _evaluation(path.stem, evaluation)
    if not run.evaluations:
        run.remarks.append("No evaluation is on record yet.")
    written = [directory / "journal.jsonl", directory / "metrics.json"]
    times = [path.stat().st_mtime for path in written if path.is_file()]
    if times:
        run.finished = datetime.datetime.fromtimestamp(max(times)).astimezone()
    return run


def _text(run: RunFiles, name: str, consequence: str | None) -> str:
    path = run.directory / name
    if not path.is_file():
        if consequence:
            run.remarks.append(f"{name} is missing: {consequence}.")
        return ""
    return path.read_text(encoding="utf-8", errors="replace")


def _json(run: RunFiles, name: str, consequence: str | None):
    text = _text(run, name, consequence)
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        run.remarks.append(f"{name} can not be read ({error}).")
        return None


def _evaluation(name: str, content: dict) -> Evaluation:
    step, artifact = content.get("step"), content.get("artifact")
    return Evaluation(
        name=name,
        step=step if isinstance(step, int) else None,
        metrics=_numbers(content.get("metrics")),
        artifact=artifact if isinstance(artifact, dict) else {},
    )


def _journal(run: RunFiles) -> list[dict]:
    lines, torn = {}, 0
    for text in _text(run, "journal.jsonl", "there are no curves").splitlines():
        try:
            line = json.loads(text)
            lines[int(line["step"])] = line  # a later line of the same step wins
        except (ValueError, TypeError, KeyError):
            torn += bool(text.strip())
    if torn:
        run.remarks.append(f"journal.jsonl holds {torn} line(s) that can not be read; they are left out.")
    return [lines[step] for step in sorted(lines)]


def _numbers(values) -> dict[str, float]:
    values = values if isinstance(values, dict) else {}
    return {
        str(name): value
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _duration(journal: list[dict]) -> float | None:
    """Training time: "seconds" counts from the start of a session, so a fall back begins another one."""
    total, last = 0.0, None
    for line in journal:
        seconds = line.get("seconds")
        if isinstance(seconds, int | float):
            total += last if last is not None and seconds < last else 0.0
            last = seconds
    return None if last is None else total + last
