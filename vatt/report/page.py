"""The report of a run: one HTML file that needs nothing but itself, made from the run directory alone."""

import math
import os
import pathlib
from collections.abc import Callable

import gin

from vatt.report import scales
from vatt.report.curves import Series, line_chart
from vatt.report.gallery import gallery
from vatt.report.markup import Markup, element, join
from vatt.report.reading import BAR_LEGEND, GALLERY_NOTE, HOW_TO_READ
from vatt.report.run_files import RunFiles, read_run
from vatt.report.style import STYLE
from vatt.report.tables import numbers_table, retrieval_table

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
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{name} · VATT"),
        element("style", Markup(STYLE)),
    )
    evaluations = [
        _guarded(lambda n=n, e=e: _evaluation(n, e), f"Evaluation {n}") for n, e in run.evaluations.items()
    ]
    body = element(
        "body",
        element(
            "main",
            element("p", "VATT run", class_="overline"),
            element("h1", name),
            _guarded(lambda: _summary(run), "The summary"),
            _facts(run),
            [element("p", remark, class_="note") for remark in run.remarks],
            evaluations,
            _guarded(lambda: _curves(run), "Curves"),
            HOW_TO_READ if run.evaluations else None,
            _origin(run),
        ),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _guarded(build: Callable[[], Markup | None], part: str) -> Markup | None:
    """A part whose data has another form than ours costs that part and a sentence, never the report."""
    try:
        return build()
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        return element("p", f"{part} can not be shown: {type(error).__name__}: {error}.", class_="note")


def _artifact(evaluation: dict) -> dict:
    """What the evaluator left for the report; {} where it left nothing of a kind known here."""
    artifact = evaluation.get("artifact") or evaluation.get("gallery") or {}
    return artifact if artifact.get("kind") == "retrieval" else {}


def _summary(run: RunFiles) -> Markup | None:
    sentences = []
    for evaluation in run.evaluations.values():
        artifact = _artifact(evaluation)
        for one in artifact.get("directions", []):
            if one["name"] in ("text_to_video", "audio_to_video"):
                figures, k = one["figures"], min(artifact["ranks"])
                where = "first" if k == 1 else f"among the first {k}"
                answer = "a right clip" if artifact["grouped"] else "the right clip"
                sentences.append(
                    join(
                        [
                            f"{one['label'].capitalize()} finds {answer} {where} in ",
                            element("b", scales.percent(figures[f"recall_at_{k}"], 0)),
                            f" of {one['queries']} queries; chance is "
                            f"{scales.percent(figures[f'chance_recall_at_{k}'])}. ",
                        ]
                    )
                )
    return element("p", sentences, class_="summary") if sentences else None


def _facts(run: RunFiles) -> Markup | None:
    facts = []
    if run.journal:
        last = run.journal[-1]
        facts.append(("Steps", f"{last['step']:,}"))
        if run.seconds is not None:
            facts.append(("Training time", scales.duration(run.seconds)))
        losses = [value for _, value in _points(run, "loss") if math.isfinite(value)]
        if losses:
            facts.append(("Loss, first → last", f"{scales.short(losses[0])} → {scales.short(losses[-1])}"))
        rates = sorted(value for _, value in _points(run, "clips_per_second") if math.isfinite(value))
        if rates:
            facts.append(("Throughput, median", f"{scales.short(rates[len(rates) // 2])} clips/s"))
    if run.finished:
        facts.append((f"Last written, {run.finished:%Z}", f"{run.finished:%Y-%m-%d %H:%M}"))
    terms = [element("div", element("dt", term), element("dd", value)) for term, value in facts]
    return element("dl", terms, class_="facts") if terms else None


def _evaluation(name: str, evaluation: dict) -> Markup:
    artifact, step = _artifact(evaluation), evaluation.get("step")
    when = f"After step {step:,}: " if isinstance(step, int) else ""
    if not artifact:
        numbers = {k: v for k, v in (evaluation.get("metrics") or {}).items() if isinstance(v, int | float)}
        return element("section", element("h2", name), element("p", when), numbers_table(numbers))
    grouped = artifact["grouped"]
    answer = "any clip of the query's group" if grouped else "the query's own clip (there are no groups)"
    each = "its first caption" if artifact["captions"] == "first" else "every one of its captions"
    parts = [
        element("h2", "Retrieval ", element("span", name, class_="quiet")),
        element(
            "p",
            f"{when}{artifact['clips']:,} clips, compared by cosine similarity. A right answer is {answer}. "
            f"As text, a clip is represented by {each}.",
        ),
        retrieval_table(artifact["directions"], artifact["ranks"], "figures"),
        element("p", BAR_LEGEND, class_="note"),
    ]
    if grouped:
        exact = retrieval_table(artifact["directions"], artifact["ranks"], "exact_clip")
        parts.append(
            element("details", element("summary", "The same where only the very clip counts"), exact)
        )
    if pictures := _guarded(lambda: gallery(artifact), "The gallery"):
        parts += [element("h2", "What was found"), element("p", GALLERY_NOTE), pictures]
    return element("section", parts)


def _points(run: RunFiles, key: str) -> list[tuple[int, float]]:
    """(step, value) of a journal column; null and text count as not finite, an absent key as no point."""
    return [
        (line["step"], float(line[key]) if isinstance(line[key], int | float) else math.nan)
        for line in run.journal
        if key in line
    ]


def _curves(run: RunFiles) -> Markup | None:
    if not run.journal:
        return None
    parts = sorted({key for line in run.journal for key in line if key.startswith("loss/")})
    names = {"loss": "total"} | {key: key.removeprefix("loss/").replace("_", "–") for key in parts}
    charts = [line_chart("Loss", [Series(label, _points(run, key)) for key, label in names.items()][:4])]
    for key, title, settings in (
        ("learning_rate", "Learning rate", {"from_zero": True}),
        ("gradient_norm", "Gradient norm", {"from_zero": True}),
        ("clips_per_second", "Throughput", {"unit": "clips/s", "from_zero": True}),
        (
            "data_wait_share",
            "Waiting for data",
            {"unit": "share of the time", "from_zero": True, "write": scales.percent},
        ),
    ):
        if points := _points(run, key):
            charts.append(line_chart(title, [Series(title, points)], **settings))
    return element("section", element("h2", "Training"), element("div", charts, class_="curves"))


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
