"""Two runs side by side: the same page, with both curves in one chart and the differences in the tables."""

import dataclasses
import pathlib

import numpy as np

from vatt.report import scales
from vatt.report.alarms import event_list, events
from vatt.report.along import writer
from vatt.report.bindings import differing
from vatt.report.columns import Columns
from vatt.report.contrast import STYLE, Sides, contrast_table, sides
from vatt.report.curves import Series, line_chart
from vatt.report.document import whole_page, write_whole
from vatt.report.evaluation import Evaluation
from vatt.report.guard import guarded
from vatt.report.kinds import kind_of
from vatt.report.markup import Markup, element, join
from vatt.report.origin import facts_of_origin
from vatt.report.protocol import differences, differences_notice, pairs_table, protocol_card
from vatt.report.run_files import RunFiles, read_run
from vatt.report.training import known_curves, thinning_note

_LEFT, _RIGHT = 1, 2  # colours of the two runs, on every chart and tag
_READING = (
    "Every difference is B minus A, and clear where its 95\u202f% interval does not reach zero. The interval "
    "speaks of the clips, not of another seed, which would give each run other numbers, too."
)


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two runs and what marks them."""

    left: RunFiles
    right: RunFiles
    tags: Sides
    names: tuple[str, str]


def write_comparison(left_dir, right_dir, output=None) -> pathlib.Path:
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
    pair = Pair(left, right, sides(), _names(left, right))
    both = [name for name in left.evaluations if name in right.evaluations]
    kinds = [kind_of(left.evaluations[name]) for name in both]
    parts = [
        element("p", "VATT runs, side by side", class_="overline"),
        _heading(pair),
        guarded(lambda: _summary(pair, both), "The summary"),
        element("p", _READING, class_="note"),
        [_remarks(pair)],
        guarded(lambda: _facts(pair), "The facts"),
        [_evaluation(pair, name) for name in both],
        _only_in_one(pair),
        guarded(lambda: _curves(pair), "Curves"),
        guarded(lambda: _alarms(pair), "The alarms"),
        guarded(lambda: _configuration(pair), "The configuration"),
    ]
    style = "".join(dict.fromkeys([STYLE, *(kind.style for kind in kinds)]))
    return whole_page(f"{pair.names[0]} and {pair.names[1]} · VATT", parts, style=style)


def _names(left: RunFiles, right: RunFiles) -> tuple[str, str]:
    """The shortest ends of the two paths that differ."""
    paths = [run.directory.resolve().parts for run in (left, right)]
    for length in range(1, max(map(len, paths)) + 1):
        names = tuple("/".join(parts[-length:]) for parts in paths)
        if names[0] != names[1]:
            return names
    return left.name, right.name


def _heading(pair: Pair) -> Markup:
    items = [
        element("li", tag, " ", name)
        for tag, name in zip((pair.tags.left, pair.tags.right), pair.names, strict=True)
    ]
    return element("h1", element("span", items, class_="runs", role="list"))


def _summary(pair: Pair, both: list[str]) -> Markup | None:
    sentences = []
    for name in both:
        sentences.append(guarded(lambda n=name: _headlines(pair, n), f"The summary of {name}"))
    return element("div", sentences, class_="summary") if any(sentences) else None


def _headlines(pair: Pair, name: str) -> Markup | None:
    left, right = pair.left.evaluations[name], pair.right.evaluations[name]
    if left.kind != right.kind:
        return None
    are_comparable = differences(left.protocol, right.protocol).are_comparable
    sentences = []
    for row in kind_of(left).contrast(left, right).rows:
        if not row.is_headline:
            continue
        values = [pair.tags.left, f" {row.value(row.left)}, ", pair.tags.right, f" {row.value(row.right)}"]
        verdict = [": measured in different ways, not comparable."]
        if are_comparable and row.difference is not None:
            verdict = [f": {row.signed(row.difference)} points"]
            if row.interval is not None:
                low, high = (row.signed(end) for end in row.interval)
                winner = {1: [pair.tags.right, " is better"], -1: [pair.tags.left, " is better"]}
                verdict += [f" ({low} to {high}), ", winner.get(row.better, "no clear difference")]
            verdict.append(".")
        sentences.append(element("p", element("i", name), f" · {row.label}: ", values, verdict))
    return join(sentences) if sentences else None


def _remarks(pair: Pair) -> list[Markup]:
    return [
        element("p", tag, " ", remark, class_="note")
        for tag, run in ((pair.tags.left, pair.left), (pair.tags.right, pair.right))
        for remark in run.remarks
    ]


def _facts(pair: Pair) -> Markup:
    """A row for each fact of either run."""
    facts = [_facts_of(run) for run in (pair.left, pair.right)]
    rows = {
        name: tuple(each.get(name, "–") for each in facts) for name in dict.fromkeys([*facts[0], *facts[1]])
    }
    return pairs_table(rows, (pair.tags.left, pair.tags.right))


def _facts_of(run: RunFiles) -> dict[str, str]:
    facts, journal = {}, run.journal
    if journal:
        facts["Steps"] = f"{journal.last_step:,}"
        if journal.seconds is not None:
            facts["Training time"] = scales.duration(journal.seconds)
        losses, rates = journal.finite("loss"), journal.finite("clips_per_second")
        if len(losses):
            facts["Loss, first → last"] = f"{scales.short(losses[0])} → {scales.short(losses[-1])}"
        if len(rates):
            facts["Throughput, median"] = f"{scales.short(float(np.median(rates)))} clips/s"
    if "data" in run.identity:
        facts["Training data, fingerprint"] = run.identity["data"]
    facts["On record of what went wrong"] = f"{len(events(run)) or 'nothing'}"
    if run.finished:
        facts["Last written"] = f"{run.finished:%Y-%m-%d %H:%M %Z}"
    return facts


def _evaluation(pair: Pair, name: str) -> Markup:
    left, right = pair.left.evaluations[name], pair.right.evaluations[name]
    heading = element("h2", f"{kind_of(left).title} ", element("span", name, class_="quiet"))
    if left.kind != right.kind:
        text = (
            f"The two are of different kinds, {left.kind} and {right.kind}: nothing of them can be compared."
        )
        return element("section", heading, element("p", text, class_="warning"))
    return element(
        "section",
        heading,
        guarded(lambda: _contrast(pair, left, right), f"The comparison of {name}"),
        [
            guarded(lambda t=tag, e=one: protocol_card(e.protocol, t), f"The protocol of {name}")
            for tag, one in ((pair.tags.left, left), (pair.tags.right, right))
        ],
    )


def _contrast(pair: Pair, left: Evaluation, right: Evaluation) -> Markup:
    found = differences(left.protocol, right.protocol)
    contrast = kind_of(left).contrast(left, right)
    tags = (pair.tags.left, pair.tags.right)
    steps = [tag_step for tag, one in zip(tags, (left, right)) for tag_step in (tag, f" {_step(one)} ")]
    shown = contrast_table(contrast.rows, pair.tags, are_comparable=found.are_comparable)
    return element(
        "div",
        element("p", steps),
        differences_notice(found, tags),
        shown,
        element("p", contrast.note, class_="note") if contrast.note and found.are_comparable else None,
        contrast.more(pair.tags, found.are_comparable) if contrast.more else None,
        _along(left, right) if found.are_comparable else None,
    )


def _step(evaluation: Evaluation) -> str:
    return f"after step {evaluation.step:,}" if evaluation.step else "as it was given, without training steps"


def _along(left: Evaluation, right: Evaluation) -> Markup | None:
    """Each number that is drawn along a training, of both runs in one chart."""
    charts = []
    for title, names in list(kind_of(left).along(left).items())[:1]:  # the charts are many enough
        for name, label in names.items():
            series = _two(left.along(name), right.along(name))
            if max((len(each.points) for each in series), default=0) > 1:
                text = label if title == label else f"{title}, {label}"
                charts.append(line_chart(text, series, from_zero=True, write=writer(series)))
    if not charts:
        return None
    return element("div", element("h3", "Along the training"), element("div", charts, class_="curves"))


def _two(left, right) -> list[Series]:
    both = (("A", left, _LEFT), ("B", right, _RIGHT))
    return [Series(label, points, look) for label, points, look in both if len(points)]


def _only_in_one(pair: Pair) -> Markup | None:
    sentences = []
    for tag, run, other in (
        (pair.tags.left, pair.left, pair.right),
        (pair.tags.right, pair.right, pair.left),
    ):
        alone = [name for name in run.evaluations if name not in other.evaluations]
        if alone:
            text = f" alone has: {', '.join(alone)}. Its own report shows it."
            sentences.append(element("p", tag, text, class_="note"))
    return element("div", sentences) if sentences else None


def _curves(pair: Pair) -> Markup | None:
    left, right = pair.left.journal, pair.right.journal
    if not left and not right:
        return None
    charts = []
    for curve in known_curves(Columns(points=left.points | right.points)):
        for name, label in curve.names.items():
            if not len(left[name]) and not len(right[name]):
                continue
            title = f"{curve.title}: {label}" if len(curve.names) > 1 else curve.title
            charts.append(curve.chart(_two(left[name], right[name]), title))
    return element(
        "section",
        element("h2", "Training"),
        thinning_note([left, right]),
        element("div", charts, class_="curves"),
    )


def _alarms(pair: Pair) -> Markup | None:
    parts = []
    for tag, run in ((pair.tags.left, pair.left), (pair.tags.right, pair.right)):
        if found := events(run):
            parts += [element("h3", tag, f" {len(found):,} on record"), event_list(found)]
    return element("section", element("h2", "Alarms"), parts) if parts else None


def _configuration(pair: Pair) -> Markup:
    tags = (pair.tags.left, pair.tags.right)
    parts = [element("h2", "What differs in what ran")]
    facts = [facts_of_origin(run) for run in (pair.left, pair.right)]
    names = dict.fromkeys([*facts[0], *facts[1]])
    origin = {name: tuple(each.get(name, "–") for each in facts) for name in names}
    origin = {name: values for name, values in origin.items() if values[0] != values[1]}
    if origin:
        parts += [element("h3", "Command, versions, data"), pairs_table(origin, tags)]
    parts.append(element("h3", "Configuration (config.gin)"))
    if not (pair.left.config and pair.right.config):
        parts.append(element("p", "One of the two recorded none.", class_="note"))
    elif changed := differing(pair.left.config, pair.right.config):
        parts.append(pairs_table(changed, tags, plain_names=True))
    else:
        parts.append(element("p", "The same, but for the run directory.", class_="note"))
    return element("section", parts)
