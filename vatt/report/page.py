"""The report of a run: one HTML file that needs nothing but itself, made from the run directory alone."""

import pathlib

import gin

from vatt.report.alarms import alarms
from vatt.report.along import along_one
from vatt.report.document import render, write_whole
from vatt.report.evaluation import Evaluation
from vatt.report.facts import facts
from vatt.report.guard import guarded
from vatt.report.kinds import kind_of
from vatt.report.markup import Markup, element, join
from vatt.report.origin import origin
from vatt.report.protocol import protocol_card
from vatt.report.reading import how_to_read
from vatt.report.run_files import RunFiles, read_run
from vatt.report.training import training


@gin.register
def write_report(model_dir, output=None) -> pathlib.Path:
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
    return render(
        "report/run.html",
        title=f"{run.name} · VATT",
        name=run.name,
        summary=guarded(lambda: _summary(run), "The summary"),
        facts=guarded(lambda: facts(run), "The facts"),
        remarks=run.remarks,
        has_journal=bool(run.journal),
        alarms=guarded(lambda: alarms(run), "The alarms"),
        evaluations=[_evaluation(evaluation) for evaluation in run.evaluations.values()],
        training=guarded(lambda: training(run), "Curves"),
        terms=how_to_read(run.evaluations.values()),
        origin=guarded(lambda: origin(run), "What ran"),
    )


def _summary(run: RunFiles) -> Markup | None:
    sentences = []
    for evaluation in run.evaluations.values():
        if summary := kind_of(evaluation).summary:
            made = guarded(
                lambda s=summary, e=evaluation: _paragraphs(s(e)), f"The summary of {evaluation.name}"
            )
            sentences.append(made)
    return element("div", sentences, class_="summary") if any(sentences) else None


def _paragraphs(sentences) -> Markup:
    return join(element("p", sentence) for sentence in sentences)


def _evaluation(evaluation: Evaluation) -> dict[str, str | Markup | None]:
    kind, name = kind_of(evaluation), f"Evaluation {evaluation.name}"
    return {
        "title": kind.title,
        "name": evaluation.name,
        "section": guarded(lambda: kind.section(evaluation), name),
        "along": guarded(lambda: along_one(evaluation, kind.along(evaluation)), f"{name} along the training"),
        "protocol": guarded(lambda: protocol_card(evaluation.protocol), f"The protocol of {name}"),
    }
