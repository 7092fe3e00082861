"""Classification, probes and zero-shot classification on the page: the metrics, and class by class."""

from collections.abc import Iterable
from typing import Any

from vatt.report import scales
from vatt.report.along import Charts
from vatt.report.confusion import confusion
from vatt.report.contrast import PAIRED, UNPAIRED, Contrast, Row, contrast_table, paired, share_row
from vatt.report.document import guarded
from vatt.report.evaluation import Evaluation
from vatt.report.markup import Markup, element, join
from vatt.report.tables import folded, share, table

_ALL_SHOWN = 24  # classes that are listed without being asked for
_ENDS = 10  # best and worst of more
# Number -> head of its column. Shares of clips, which have an interval; other shares; numbers of other kinds.
OF_CLIPS = {"top_1": "Top-1", "top_5": "Top-5"}
OTHER_SHARES = {
    "mean_class_accuracy": "Mean of classes",
    "mean_average_precision": "mAP",
    "mean_auc": "Mean AUC",
}
OTHERS = {"d_prime": "d′", "d_prime_of_mean_auc": "d′ of mean AUC", "classes_left_out": "Classes left out"}


def summary(evaluation: Evaluation) -> Iterable[Markup]:
    """What someone who reads one sentence should know."""
    artifact = evaluation.artifact
    figures, clips, name = artifact["figures"], artifact["clips"], element("i", evaluation.name)
    if "top_1" in figures:
        whose = {"probe": "of a probe ", "zero_shot": "zero-shot "}.get(evaluation.kind, "")
        value = element("b", scales.percent(figures["top_1"], 0))
        chance = scales.percent(figures["chance_top_1"])
        text = f" of {clips:,} clips of {len(artifact['classes'])} classes; chance is {chance}."
        yield join([f"Top-1 {whose}(", name, ") ", value, text])
    else:
        value = element("b", scales.percent(figures["mean_average_precision"], 1))
        yield join(["mAP (", name, ") ", value, f" on {clips:,} clips."])


def along(_: Evaluation) -> Charts:
    """What is drawn along the training."""
    return {"Metrics over all clips": OF_CLIPS | OTHER_SHARES}


def section(evaluation: Evaluation) -> Markup:
    """The metrics, how a probe was fitted, the classes, and what they were taken for."""
    artifact = evaluation.artifact
    classes = artifact["classes"]
    return element(
        "div",
        element("p", evaluation.when, _counted(artifact)),
        _metrics_table(artifact),
        guarded("The fit", _fit, artifact),
        guarded("The classes one by one", _class_tables, classes),
        guarded(
            "The confusions",
            lambda: confusion(artifact.get("confusion") or [], [each["label"] for each in classes]),
        ),
    )


def _counted(artifact: dict) -> str:
    sentence = f"{artifact['clips']:,} clips of {len(artifact['classes'])} classes"
    if isinstance(views := (artifact.get("protocol") or {}).get("views"), int):
        sentence += f", {views} view{'s' * (views != 1)} each"
    if clips := artifact.get("train_clips"):
        sentence += f"; the classifier was fitted on frozen features of {clips:,} other clips"
    sentence += "."
    if artifact.get("left_out"):
        sentence += f" {artifact['left_out']:,} clips lack what the model reads and are left out."
    if artifact.get("classes_alike"):
        sentence += (
            f" {artifact['classes_alike']} classes read like another one in the model's vocabulary: between "
            "them it can not choose."
        )
    return sentence


def _metrics_table(artifact: dict) -> Markup:
    """The metrics over all clips."""
    figures, clips = artifact["figures"], artifact["clips"]
    cells = {
        head: share(figures[name], count=clips, chance=figures.get(f"chance_{name}"))
        for name, head in OF_CLIPS.items()
        if name in figures
    }
    cells |= {head: share(figures[name]) for name, head in OTHER_SHARES.items() if name in figures}
    cells |= {head: f"{figures[name]:.3g}" for name, head in OTHERS.items() if name in figures}
    return table(list(cells), [list(cells.values())], class_="classes", has_row_heads=False)


def _fit(artifact: dict) -> Markup | None:
    said = []
    for name, value in (artifact.get("fit") or {}).items():
        if isinstance(value, dict):
            values = ", ".join(f"{key}: {scales.percent(each)}" for key, each in value.items())
            said.append(f"{name.replace('_', ' ')} {values}")
        elif name == "train_top_1":
            said.append(f"top-1 on its own training clips {scales.percent(value)}")
        else:
            said.append(f"{name.replace('_', ' ')} {f'{value:g}' if isinstance(value, float) else value}")
    if artifact.get("fit_seconds", 0) >= 1:
        said.append(f"fitted in {scales.duration(artifact['fit_seconds'])}")
    return element("p", f"The fit: {'; '.join(said)}.", class_="note") if said else None


def _class_tables(classes: list[dict]) -> Markup:
    """All classes where they are few; else the best and the worst, and all of them folded."""
    measured = [each for each in classes if _worth(each) is not None]
    ordered = sorted(measured, key=lambda each: (-_worth(each), each["label"]))
    empty = [each["label"] for each in classes if _worth(each) is None]
    note = None
    if empty:
        names = ", ".join(empty[:8]) + (f" and {len(empty) - 8} more" if len(empty) > 8 else "")
        note = element("p", f"{len(empty)} class(es) without a clip to judge by: {names}.", class_="note")
    if len(ordered) <= _ALL_SHOWN:
        return element("div", element("h3", "Classes, the best first"), _class_table(ordered), note)
    return element(
        "div",
        element("h3", f"The best {_ENDS} of {len(ordered):,} classes"),
        _class_table(ordered[:_ENDS]),
        element("h3", f"The worst {_ENDS}, the worst first"),
        _class_table(ordered[: -_ENDS - 1 : -1]),
        folded(f"All {len(ordered):,} classes", _class_table(ordered)),
        note,
    )


def _worth(one: dict) -> Any:
    """What a class is ordered by; None if it has no clips."""
    return one.get("top_1", one.get("average_precision"))


def _class_table(classes: list[dict]) -> Markup:
    single = any("top_1" in each for each in classes)
    heads = ["Class", "Clips", "Top-1", "Top-5", "Mostly taken for"]
    if not single:
        heads = ["Class", "Clips", "Average precision", "AUC", "d′"]
    rows = []
    for one in classes:
        tag = element("span", "reads like another", class_="tag") if one.get("alike") else None
        sentence = element("small", f"“{one['sentence']}”") if one.get("sentence") else None
        row = [[one["label"], tag, sentence], f"{one['clips']:,}"]
        if single:
            taken = f"{one['taken_for']} ({one['taken_for_clips']})" if one.get("taken_for") else "–"
            worth = share(one["top_1"], count=one["clips"])
            row += [element("div", worth, class_="in-line"), scales.percent(one["top_5"]), taken]
        else:
            row.append(element("div", share(one["average_precision"]), class_="in-line"))
            others = [one.get("auc"), one.get("d_prime")]
            row += ["–" if each is None else scales.short(each) for each in others]
        rows.append(row)
    return table(heads, rows, class_="classes")


def contrast(left: Evaluation, right: Evaluation) -> Contrast:
    """The metrics of both, and the classes that differ most."""
    figures = [each.artifact["figures"] for each in (left, right)]
    counts = [each.artifact["clips"] for each in (left, right)]
    ranks = paired(left, right, lambda artifact: artifact.get("ranks"))
    rows = []
    for name, label in (OF_CLIPS | OTHER_SHARES | OTHERS).items():
        values = [each.get(name) for each in figures]
        if values == [None, None]:
            continue
        if name in OF_CLIPS:
            k = int(name.removeprefix("top_"))
            outcomes = [[rank <= k for rank in each] for each in ranks] if ranks else None
            rows.append(share_row(label, values, counts, outcomes, is_headline=name == "top_1"))
        else:
            rows.append(
                Row(
                    label=label,
                    left=values[0],
                    right=values[1],
                    write=scales.short if name in OTHERS else None,
                    higher_is_better=None if name == "classes_left_out" else True,
                    is_headline=name == "mean_average_precision",
                )
            )
    note = (PAIRED if ranks else UNPAIRED).format("clips") if "top_1" in figures[0] else ""

    def by_class(are_comparable: bool) -> Markup | None:
        return _classes_apart(left, right) if are_comparable else None

    return Contrast(rows=rows, note=note, more=by_class)


def _classes_apart(left: Evaluation, right: Evaluation) -> Markup | None:
    """The classes by how much they differ."""
    before = {each["label"]: each for each in left.artifact["classes"]}
    rows = []
    for each in right.artifact["classes"]:
        other = before.get(each["label"], {})
        values = [_worth(other), _worth(each)]
        if None in values:
            continue
        label = f"{each['label']} ({each['clips']:,})"
        if "top_1" in each:
            rows.append(share_row(label, values, [other["clips"], each["clips"]]))
        else:
            rows.append(Row(label=label, left=values[0], right=values[1]))
    if not rows:
        return None
    rows.sort(key=lambda row: (-(row.difference or 0), row.label))
    title = "Classes, the greatest gain first"
    if len(rows) > _ALL_SHOWN:
        rows = [*rows[:_ENDS], *rows[-_ENDS:]]
        title = f"The {_ENDS} classes with the greatest gain, and the {_ENDS} with the greatest loss"
    text = (
        "In brackets: clips. A class has few of them, so that most differences are within what chance does."
    )
    table = contrast_table(rows, are_comparable=True)
    return element("div", element("h3", title), element("p", text, class_="note"), table)
