"""The report of a run: one HTML file that needs nothing but itself, made from the run directory alone."""

import math
import os
import pathlib

import gin

from vatt.report import scales
from vatt.report.evaluation import Evaluation
from vatt.report.guard import guarded
from vatt.report.kinds import kind_of
from vatt.report.markup import Markup, element, join
from vatt.report.reading import HOW_TO_READ
from vatt.report.run_files import RunFiles, read_run
from vatt.report.style import STYLE
from vatt.report.tables import numbers_table
from vatt.report.training import curves, points

# No script and no request, kept by the browser as well as by us.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


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
    target = pathlib.Path(output) if output else run.directory / "report.html"
    unfinished = target.with_name(target.name + ".unfinished")
    unfinished.write_text(build_page(run), encoding="utf-8")
    os.replace(unfinished, target)
    return target


def build_page(run: RunFiles) -> str:
    """The page as text."""
    name = run.directory.resolve().name
    styles = dict.fromkeys(kind_of(evaluation).style for evaluation in run.evaluations.values())
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{name} · VATT"),
        element("style", Markup(STYLE + "".join(styles))),
    )
    body = element(
        "body",
        element(
            "main",
            element("p", "VATT run", class_="overline"),
            element("h1", name),
            guarded(lambda: _summary(run), "The summary"),
            guarded(lambda: _facts(run), "The facts"),
            [element("p", remark, class_="note") for remark in run.remarks],
            [_evaluation(evaluation) for evaluation in run.evaluations.values()],
            guarded(lambda: curves(run), "Curves"),
            HOW_TO_READ if run.evaluations else None,
            _origin(run),
        ),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _summary(run: RunFiles) -> Markup | None:
    sentences = []
    for evaluation in run.evaluations.values():
        if summary := kind_of(evaluation).summary:
            made = guarded(lambda s=summary, e=evaluation: join(s(e)), f"The summary of {evaluation.name}")
            sentences.append(made)
    return element("p", sentences, class_="summary") if any(sentences) else None


def _facts(run: RunFiles) -> Markup | None:
    facts = []
    if run.journal:
        last = run.journal[-1]
        facts.append(("Steps", f"{last['step']:,}"))
        if run.seconds is not None:
            facts.append(("Training time", scales.duration(run.seconds)))
        losses = [value for _, value in points(run, "loss") if math.isfinite(value)]
        if losses:
            facts.append(("Loss, first → last", f"{scales.short(losses[0])} → {scales.short(losses[-1])}"))
        rates = sorted(value for _, value in points(run, "clips_per_second") if math.isfinite(value))
        if rates:
            facts.append(("Throughput, median", f"{scales.short(rates[len(rates) // 2])} clips/s"))
    if run.finished:
        facts.append((f"Last written, {run.finished:%Z}", f"{run.finished:%Y-%m-%d %H:%M}"))
    terms = [element("div", element("dt", term), element("dd", value)) for term, value in facts]
    return element("dl", terms, class_="facts") if terms else None


def _evaluation(evaluation: Evaluation) -> Markup:
    kind = kind_of(evaluation)
    return element(
        "section",
        element("h2", f"{kind.title} ", element("span", evaluation.name, class_="quiet")),
        guarded(lambda: kind.section(evaluation), f"Evaluation {evaluation.name}"),
    )


def _origin(run: RunFiles) -> Markup:
    folded = [
        ("Configuration (config.gin)", run.config),
        ("Everything that was used (operative.gin)", run.operative),
    ]
    parts = [element("h2", "What ran"), element("pre", run.command.strip()) if run.command.strip() else None]
    for title, text in folded:
        if text.strip():
            parts.append(element("details", element("summary", title), element("pre", text.strip())))
    if run.metrics:
        summary = element("summary", f"All {len(run.metrics)} numbers (metrics.json)")
        parts.append(element("details", summary, numbers_table(run.metrics)))
    return element("section", parts)
