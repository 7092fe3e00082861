"""Two runs side by side: the same page, with both curves in one chart and the differences in the tables."""

import pathlib
import re

from vatt.report.alarms import event_list, events
from vatt.report.along import along_both, two_series
from vatt.report.columns import Columns
from vatt.report.contrast import TAGS, A, B, contrast_table
from vatt.report.document import guarded, render, write_whole
from vatt.report.evaluation import Evaluation
from vatt.report.kinds import kind_of
from vatt.report.markup import Markup, element, join
from vatt.report.origin import facts_of, facts_of_origin
from vatt.report.protocol import (
    NOT_THERE,
    differences_notice,
    differences_of,
    differing_pairs,
    pairs_table,
    protocol_card,
)
from vatt.report.run_files import RunFiles, read_run
from vatt.report.tables import folded
from vatt.report.training import known_curves, thinning_note

_BINDING = re.compile(r"^(?P<name>[\w./%-]+) = ?(?P<value>.*)$")
_PLACES = ("MODEL_DIR",)  # every run has its own


def write_comparison(
    left_dir: str | pathlib.Path, right_dir: str | pathlib.Path, output: str | pathlib.Path | None = None
) -> pathlib.Path:
    """Writes the report of two runs, whole or not at all.

    Args:
        left_dir, right_dir: run directories.
        output: file to write; compared_with_NAME.html in the right run's directory by default.

    Returns:
        The file.
    """
    left, right = read_run(left_dir), read_run(right_dir)
    if left.directory.resolve() == right.directory.resolve():
        raise ValueError(
            f"A comparison needs two runs. Received: {str(left.directory)!r} twice. Give another directory, "
            "or one alone for its own report."
        )
    target = pathlib.Path(output) if output else right.directory / f"compared_with_{left.name}.html"
    return write_whole(build_comparison(left, right), target)


def build_comparison(left: RunFiles, right: RunFiles) -> str:
    """The page as text."""
    names, runs = _names(left, right), (left, right)
    both = [
        (one, right.evaluations[name]) for name, one in left.evaluations.items() if name in right.evaluations
    ]
    found = [events(run) for run in runs]
    alone = [
        [name for name in run.evaluations if name not in other.evaluations]
        for run, other in (runs, runs[::-1])
    ]
    return render(
        "report/comparison.html",
        title=f"{names[0]} and {names[1]} · VATT",
        tags=TAGS,
        names=names,
        runs=runs,
        summary=[guarded(f"The summary of {pair[0].name}", _headlines, *pair) for pair in both],
        facts=guarded("The facts", _facts, left, right),
        evaluations=[_compared(*pair) for pair in both],
        alone=alone,
        training=guarded("Curves", _curves, left.journal, right.journal),
        events=[(len(each), event_list(each)) for each in found],
        configuration=guarded("The configuration", _configuration, left, right),
    )


def _names(left: RunFiles, right: RunFiles) -> tuple[str, str]:
    """The shortest ends of the two paths that differ."""
    paths = [run.directory.resolve().parts for run in (left, right)]
    for length in range(1, max(map(len, paths)) + 1):
        first, second = ("/".join(parts[-length:]) for parts in paths)
        if first != second:
            return first, second
    return left.name, right.name


def _headlines(left: Evaluation, right: Evaluation) -> Markup | None:
    """What someone who reads one sentence should know; None where the kind has no headline."""
    if left.kind != right.kind:
        return None
    are_comparable = differences_of(left, right).are_comparable
    sentences = []
    for row in kind_of(left).contrast(left, right).rows:
        if not row.is_headline:
            continue
        verdict = [": measured in different ways, not comparable."]
        if are_comparable and row.difference is not None:
            verdict = [f": {row.signed(row.difference)} points"]
            if row.interval is not None:
                low, high = map(row.signed, row.interval)
                winner = [row.winner, " is better"] if row.winner else "no clear difference"
                verdict += [f" ({low} to {high}), ", winner]
            verdict.append(".")
        values = [A, f" {row.value(row.left)}, ", B, f" {row.value(row.right)}"]
        sentences.append(element("p", element("i", left.name), f" · {row.label}: ", values, verdict))
    return join(sentences) if sentences else None


def _compared(left: Evaluation, right: Evaluation) -> Markup:
    """The section of two evaluations of one name."""
    name = left.name
    heading = element("h2", f"{kind_of(left).title} ", element("span", name, class_="quiet"))
    if left.kind != right.kind:
        kinds = " and ".join(each.kind or "an unknown one" for each in (left, right))
        text = f"The two are of different kinds, {kinds}: nothing of them can be compared."
        return element("section", heading, element("p", text, class_="warning"))
    cards = [
        guarded(f"The protocol of {name}", protocol_card, one.protocol, tag)
        for tag, one in zip(TAGS, (left, right), strict=True)
    ]
    return element("section", heading, guarded(f"The comparison of {name}", _contrast, left, right), cards)


def _contrast(left: Evaluation, right: Evaluation) -> Markup:
    found, kind = differences_of(left, right), kind_of(left)
    contrast = kind.contrast(left, right)
    shown = contrast_table(contrast.rows, are_comparable=found.are_comparable)
    pairs = list(zip(TAGS, (left, right), strict=True))
    if kind.side_by_side:
        sections = [
            element("div", tag, guarded(f"Evaluation {one.name}", kind.section, one)) for tag, one in pairs
        ]
        shown = [element("div", sections, class_="halves"), folded("Number by number", shown)]
    steps = None
    if left.step or right.step:
        steps = element(
            "p",
            [
                [tag, f" after step {one.step:,} " if one.step else " without training steps "]
                for tag, one in pairs
            ],
        )
    return element(
        "div",
        steps,
        differences_notice(found),
        shown,
        element("p", contrast.note, class_="note") if contrast.note and found.are_comparable else None,
        contrast.more(found.are_comparable),
        along_both(left, right, kind.along(left)) if found.are_comparable else None,
    )


def _facts(left: RunFiles, right: RunFiles) -> Markup:
    """A row for each fact of either run."""
    facts = [
        facts_of(run) | {"On record of what went wrong": str(len(events(run)) or "nothing")}
        for run in (left, right)
    ]
    names = dict.fromkeys([*facts[0], *facts[1]])
    return pairs_table({name: [each.get(name, NOT_THERE) for each in facts] for name in names})


def _curves(left: Columns, right: Columns) -> Markup | None:
    if not left and not right:
        return None
    charts = []
    for curve in known_curves(Columns(points=left.points | right.points)):
        for name, label in curve.names.items():
            if len(left[name]) or len(right[name]):
                title = f"{curve.title}: {label}" if len(curve.names) > 1 else curve.title
                charts.append(curve.chart(two_series(left[name], right[name]), title))
    return element(
        "section",
        element("h2", "Training"),
        thinning_note([left, right]),
        element("div", charts, class_="plots"),
    )


def _configuration(left: RunFiles, right: RunFiles) -> Markup:
    parts = [element("h2", "What differs in what ran")]
    if origin := differing_pairs(facts_of_origin(left), facts_of_origin(right)):
        parts += [element("h3", "Command, versions, data"), pairs_table(origin)]
    parts.append(element("h3", "Configuration (config.gin)"))
    if not (left.config and right.config):
        parts.append(element("p", "One of the two recorded none.", class_="note"))
    elif changed := differing_bindings(left.config, right.config):
        parts.append(pairs_table(changed))
    else:
        parts.append(element("p", "The same, but for the run directory.", class_="note"))
    return element("section", parts)


def differing_bindings(left: str, right: str) -> dict[str, tuple[str, str]]:
    """Name -> (value on the left, on the right), of two configurations' bindings that differ."""
    pairs = differing_pairs(bindings(left), bindings(right))
    return {name: pair for name, pair in pairs.items() if name not in _PLACES}


def bindings(text: str) -> dict[str, str]:
    """Name -> value, of a configuration text as gin writes it; an import or include stands under its own
    line, with the value "yes"."""
    found: dict[str, str] = {}
    name = None
    for line in text.split("\n"):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        if line[0].isspace() and name is not None:  # a value over several lines
            found[name] = f"{found[name].removesuffix(chr(92)).rstrip()} {bare}".strip()
        elif match := _BINDING.match(line):
            name = match["name"]
            found[name] = match["value"].strip()
        else:
            name = None
            found[bare] = "yes"
    return {name: value.removesuffix("\\").strip() for name, value in found.items()}
