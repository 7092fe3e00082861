"""The report of a run: one HTML file that needs nothing but itself, made from the run directory alone."""

import pathlib

import gin

from vatt.report.alarms import alarms
from vatt.report.along import along_training
from vatt.report.document import whole_page, write_whole
from vatt.report.evaluation import Evaluation
from vatt.report.facts import facts_list
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
    kinds = [kind_of(evaluation) for evaluation in run.evaluations.values()]
    return whole_page(
        f"{run.name} · VATT",
        [
            element("p", "VATT run", class_="overline"),
            element("h1", run.name),
            guarded(lambda: _summary(run), "The summary"),
            guarded(lambda: facts_list(run), "The facts"),
            [element("p", remark, class_="note") for remark in run.remarks],
            _contents(run),
            guarded(lambda: alarms(run), "The alarms"),
            [_evaluation(evaluation, n) for n, evaluation in enumerate(run.evaluations.values())],
            guarded(lambda: training(run), "Curves"),
            how_to_read(run.evaluations.values()),
            guarded(lambda: origin(run), "What ran"),
        ],
        style="".join(dict.fromkeys(kind.style for kind in kinds)),
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


def _contents(run: RunFiles) -> Markup | None:
    """Links to the parts of a page that is longer than a screen."""
    links = [(f"evaluation-{n}", evaluation.name) for n, evaluation in enumerate(run.evaluations.values())]
    if run.journal:
        links.append(("training", "Training"))
    links.append(("origin", "What ran"))
    made = [element("a", text, href=f"#{place}") for place, text in links]
    return element("nav", made, class_="contents", aria_label="Contents")


def _evaluation(evaluation: Evaluation, number: int) -> Markup:
    kind, name = kind_of(evaluation), f"Evaluation {evaluation.name}"
    return element(
        "section",
        element(
            "h2",
            f"{kind.title} ",
            element("span", evaluation.name, class_="quiet"),
            id=f"evaluation-{number}",
        ),
        guarded(lambda: kind.section(evaluation), name),
        guarded(lambda: along_training(evaluation, kind.along(evaluation)), f"{name} along the training"),
        guarded(lambda: protocol_card(evaluation.protocol), f"The protocol of {name}"),
    )
