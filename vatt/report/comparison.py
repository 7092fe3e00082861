"""Two runs side by side: the same page, with both curves in one chart and the differences in the tables."""

import dataclasses
import pathlib

from vatt.report.alarms import event_list, events
from vatt.report.along import two_series
from vatt.report.bindings import differing
from vatt.report.columns import Columns
from vatt.report.compared_evaluation import compared, headlines
from vatt.report.contrast import Sides, sides
from vatt.report.document import render, write_whole
from vatt.report.evaluation import Evaluation
from vatt.report.facts import facts_of
from vatt.report.guard import guarded
from vatt.report.markup import Markup, element
from vatt.report.origin import facts_of_origin
from vatt.report.protocol import pairs_table
from vatt.report.run_files import RunFiles, read_run
from vatt.report.training import known_curves, thinning_note


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two runs and what marks them."""

    left: RunFiles
    right: RunFiles
    tags: Sides
    names: tuple[str, str]

    @property
    def each(self) -> tuple[tuple[Markup, RunFiles, RunFiles], ...]:
        """(mark, run, the other run) of both."""
        return (self.tags.left, self.left, self.right), (self.tags.right, self.right, self.left)


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
    return render(
        "report/comparison.html",
        title=f"{pair.names[0]} and {pair.names[1]} · VATT",
        runs=list(zip((pair.tags.left, pair.tags.right), pair.names, strict=True)),
        summary=guarded(lambda: _summary(pair, both), "The summary"),
        remarks=[(tag, remark) for tag, run, _ in pair.each for remark in run.remarks],
        facts=guarded(lambda: _facts(pair), "The facts"),
        evaluations=[compared(*_both(pair, name), pair.tags) for name in both],
        alone=[
            (tag, [name for name in run.evaluations if name not in other.evaluations])
            for tag, run, other in pair.each
        ],
        training=guarded(lambda: _curves(pair), "Curves"),
        alarms=[(tag, len(found), event_list(found)) for tag, run, _ in pair.each if (found := events(run))],
        configuration=guarded(lambda: _configuration(pair), "The configuration"),
    )


def _both(pair: Pair, name: str) -> tuple[Evaluation, Evaluation]:
    return pair.left.evaluations[name], pair.right.evaluations[name]


def _names(left: RunFiles, right: RunFiles) -> tuple[str, str]:
    """The shortest ends of the two paths that differ."""
    paths = [run.directory.resolve().parts for run in (left, right)]
    for length in range(1, max(map(len, paths)) + 1):
        names = tuple("/".join(parts[-length:]) for parts in paths)
        if names[0] != names[1]:
            return names
    return left.name, right.name


def _summary(pair: Pair, both: list[str]) -> Markup | None:
    sentences = []
    for name in both:
        sentences.append(
            guarded(lambda n=name: headlines(*_both(pair, n), pair.tags), f"The summary of {name}")
        )
    return element("div", sentences, class_="summary") if any(sentences) else None


def _facts(pair: Pair) -> Markup:
    """A row for each fact of either run."""
    facts = [
        facts_of(run) | {"On record of what went wrong": str(len(events(run)) or "nothing")}
        for run in (pair.left, pair.right)
    ]
    rows = {
        name: tuple(each.get(name, "–") for each in facts) for name in dict.fromkeys([*facts[0], *facts[1]])
    }
    return pairs_table(rows, (pair.tags.left, pair.tags.right))


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
            charts.append(curve.chart(two_series(left[name], right[name]), title))
    return element(
        "section",
        element("h2", "Training"),
        thinning_note([left, right]),
        element("div", charts, class_="plots"),
    )


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
