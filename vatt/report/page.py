"""The report of a run: one HTML file that needs nothing but itself, made from the run directory alone."""

import pathlib
from typing import Any

import gin

from vatt.report.alarms import alarms
from vatt.report.along import along_one
from vatt.report.document import guarded, render, write_whole
from vatt.report.evaluation import Evaluation
from vatt.report.kinds import kind_of
from vatt.report.markup import Markup, element, join
from vatt.report.origin import facts, origin
from vatt.report.protocol import protocol_card
from vatt.report.run_files import RunFiles, read_run
from vatt.report.training import training


@gin.register
def write_report(model_dir: str | pathlib.Path, output: str | pathlib.Path | None = None) -> pathlib.Path:
    """Writes the report of a run, whole or not at all.

    Args:
        model_dir: run directory; what it lacks is said in the report.
        output: file to write; report.html in the run directory by default.

    Returns:
        The file.
    """
    run = read_run(model_dir)
    return write_whole(build_page(run), pathlib.Path(output) if output else run.directory / "report.html")


def build_page(run: RunFiles) -> str:
    """The page as text."""
    evaluations = list(run.evaluations.values())
    figures = [each.artifact.get("figures") for each in evaluations]
    return render(
        "report/run.html",
        title=f"{run.name} · VATT",
        run=run,
        summary=[guarded(f"The summary of {each.name}", _summary, each) for each in evaluations],
        facts=guarded("The facts", facts, run),
        alarms=guarded("The alarms", alarms, run),
        evaluations=[_evaluation(each) for each in evaluations],
        training=guarded("Curves", training, run),
        origin=guarded("What ran", origin, run),
        # What is to be explained.
        kinds={each.kind for each in evaluations},
        figures={name for found in figures if isinstance(found, dict) for name in found},
    )


def _summary(evaluation: Evaluation) -> Markup | None:
    return join(element("p", sentence) for sentence in kind_of(evaluation).summary(evaluation)) or None


def _evaluation(evaluation: Evaluation) -> dict[str, Any]:
    kind, name = kind_of(evaluation), f"Evaluation {evaluation.name}"
    return {
        "title": kind.title,
        "name": evaluation.name,
        "parts": [
            guarded(name, kind.section, evaluation),
            guarded(f"{name} along the training", lambda: along_one(evaluation, kind.along(evaluation))),
            guarded(f"The protocol of {name}", protocol_card, evaluation.protocol),
        ],
    }
