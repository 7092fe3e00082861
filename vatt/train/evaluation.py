"""Runs a job's evaluators and keeps what they say: one JSON file each, one flat `metrics.json`, a table to
read.

An evaluator has a `name` and `evaluate(model) -> {name: number}`. It may have `artifact() -> dict` (whatever
the report shows besides numbers) and `table() -> (title, columns, rows)`, both about its last evaluation.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from vatt.errors import RunError, closest, reason_of
from vatt.files.whole_file import own_folder
from vatt.terminal import Console
from vatt.train.journal import HISTORY, append_line, cut_back, read_json, read_lines, write_json

_ANY_WIDTH = 1000  # columns of a terminal, more than any table needs


def check_evaluators(evaluators: Iterable[Any], model: Any) -> None:
    """Validates evaluators up front, before hours of work."""
    for evaluator in evaluators:
        if hasattr(evaluator, "check"):
            evaluator.check(model)


def warnings_of(evaluators: Iterable[Any], model: Any) -> list[str]:
    """What evaluators know beforehand to make their figures less than they look, each sentence once."""
    known = (evaluator.warnings(model) for evaluator in evaluators if hasattr(evaluator, "warnings"))
    return list(dict.fromkeys(sentence for sentences in known for sentence in sentences))


class EvaluatorError(RuntimeError):
    """An evaluator failed.

    Args:
        name: of the evaluator.
        step: at which it measured.
        error: what it raised.
    """

    def __init__(self, name: str, step: int, error: Exception):
        super().__init__(f"The evaluator `{name}` failed at step {step}: {reason_of(error)}")
        self.exit_status = getattr(error, "exit_status", 2)


class Evaluations:
    """The evaluations of one run.

    Args:
        model_dir: the run directory.
        evaluators: as in `vatt/protocols.py`; names must differ.
    """

    def __init__(self, model_dir: Path, evaluators: Iterable):
        self._model_dir = Path(model_dir)
        self._evaluators = list(evaluators)
        names = [evaluator.name for evaluator in self._evaluators]
        if len(set(names)) < len(names):
            raise ValueError(
                f"`evaluators` must have different names. Received: {', '.join(names)}. Each has a `name`."
            )

    def cut_back(self, last_step: int) -> None:
        """Takes evaluations of later steps out of the history."""
        cut_back(self._model_dir / HISTORY, last_step)

    def are_done(self, step: int) -> bool:
        """Every evaluator has measured the weights of `step`, and `metrics.json` is written."""
        files = (self._file(evaluator) for evaluator in self._evaluators)
        return (self._model_dir / "metrics.json").is_file() and all(
            (read_json(file) or {}).get("step") == step for file in files
        )

    def numbers(self) -> dict[str, float]:
        """All numbers of the last evaluation and its "step"; none where there is none."""
        return read_json(self._model_dir / "metrics.json") or {}

    def last_step(self) -> int:
        """Step of the last evaluation of all evaluators, 0 where there is none."""
        step = int(self.numbers().get("step", 0))
        return step if self.are_done(step) else 0

    def run(self, model: Any, step: int, evaluators: Iterable | None = None) -> dict[str, float]:
        """Evaluates the model at `step`; returns the metrics by name.

        Args:
            model: as in `vatt/protocols.py`.
            step: number of steps done.
            evaluators: those that measure; None: all.

        Raises:
            EvaluatorError: an evaluator failed; the error names it and the step.
        """
        numbers: dict[str, float] = {}
        for evaluator in self._evaluators if evaluators is None else evaluators:
            try:
                metrics = evaluator.evaluate(model)
            except Exception as error:
                raise EvaluatorError(evaluator.name, step, error) from error
            twice = sorted(numbers.keys() & metrics.keys())
            if twice:
                raise RunError(
                    f"Evaluators must name their numbers differently. Received twice: {', '.join(twice)}."
                )
            numbers.update(metrics)
            file = self._file(evaluator)
            own_folder(file.parent)
            artifact = evaluator.artifact() if hasattr(evaluator, "artifact") else {}
            write_json(file, {"step": step, "metrics": metrics, "artifact": artifact})
        if numbers:
            append_line(self._model_dir / HISTORY, {"step": step, **numbers})
        write_json(self._model_dir / "metrics.json", {"step": step, **numbers})
        return numbers

    def scores(self, metric: str, *, lowest_is_best: bool = False) -> dict[int, float]:
        """Step -> value of one number of the evaluations so far, the highest being the best."""
        path = self._model_dir / HISTORY
        lines = list(read_lines(path)) if path.is_file() else []
        known = sorted({name for line in lines for name in line} - {"step"})
        all_measured = all(self._file(evaluator).is_file() for evaluator in self._evaluators)
        if lines and all_measured and metric not in known:
            raise RunError(
                f"`Checkpoints.keep_best` must name a metric of the evaluators. Received: {metric!r}."
                f"{closest(metric, known)} They give: {', '.join(known) or 'none'}."
            )
        sign = -1.0 if lowest_is_best else 1.0
        # A number that is not finite stands as null.
        return {line["step"]: sign * line[metric] for line in lines if line.get(metric) is not None}

    def print_tables(self) -> None:
        """The tables of the last evaluation, to standard output."""
        for evaluator in self._evaluators:
            if not hasattr(evaluator, "table"):
                continue
            title, columns, rows = evaluator.table()
            table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False)
            for position, column in enumerate(columns):
                table.add_column(str(column), justify="left" if position == 0 else "right", no_wrap=True)
            for row in rows:
                table.add_row(*(str(cell) for cell in row))
            # As wide as it needs, whatever the terminal: a figure that is cut off is worth nothing.
            console = Console()
            needed = table.__rich_measure__(console, console.options.update(width=_ANY_WIDTH)).maximum
            console.width = max(console.width, needed)
            console.print(title, table, sep="\n", markup=False, highlight=False)

    def _file(self, evaluator) -> Path:
        return self._model_dir / "evaluations" / f"{evaluator.name}.json"
