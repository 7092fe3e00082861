"""Classification, probes and zero-shot classification on the page: the metrics, and class by class."""

from collections.abc import Iterable

from vatt.report import scales
from vatt.report.confusion import confusion
from vatt.report.evaluation import Evaluation
from vatt.report.guard import guarded
from vatt.report.markup import Markup, element, join
from vatt.report.tables import share, table

ALL_SHOWN = 24  # classes that are listed without being asked for
ENDS = 10  # best and worst of more
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
    figures, clips = artifact["figures"], artifact["clips"]
    if "top_1" in figures:
        text = f" of {clips:,} clips of {len(artifact['classes'])} classes; chance is "
        chance = scales.percent(figures["chance_top_1"])
        whose = {"probe": "of a probe ", "zero_shot": "zero-shot "}.get(evaluation.kind, "")
        name = element("i", evaluation.name)
        value = element("b", scales.percent(figures["top_1"], 0))
        yield join([f"Top-1 {whose}(", name, ") ", value, text, chance, "."])
    else:
        value = element("b", scales.percent(figures["mean_average_precision"], 1))
        yield join(["mAP (", element("i", evaluation.name), ") ", value, f" on {clips:,} clips."])


def along(_: Evaluation) -> dict[str, dict[str, str]]:
    """What is drawn along the training."""
    return {"Metrics over all clips": OF_CLIPS | OTHER_SHARES}


def section(evaluation: Evaluation) -> Markup:
    """The metrics, how a probe was fitted, the classes, and what they were taken for."""
    artifact = evaluation.artifact
    classes = artifact["classes"]
    return element(
        "div",
        element("p", evaluation.when, _counted(artifact)),
        metrics_table(artifact),
        guarded(lambda: _fit(artifact), "The fit"),
        guarded(lambda: class_tables(classes), "The classes one by one"),
        guarded(
            lambda: confusion(artifact.get("confusion") or [], [each["label"] for each in classes]),
            "The confusions",
        ),
    )


def _counted(artifact: dict) -> str:
    views = (artifact.get("protocol") or {}).get("views")
    sentence = f"{artifact['clips']:,} clips of {len(artifact['classes'])} classes"
    if isinstance(views, int):
        sentence += f", {views} view{'s' * (views != 1)} each"
    if artifact.get("train_clips"):
        sentence += (
            f"; the classifier was fitted on frozen features of {artifact['train_clips']:,} other clips"
        )
    sentence += "."
    if artifact.get("left_out"):
        sentence += f" {artifact['left_out']:,} clips lack what the model reads and are left out."
    if artifact.get("classes_alike"):
        sentence += (
            f" {artifact['classes_alike']} classes read like another one in the model's vocabulary: between "
            "them it can not choose."
        )
    return sentence


def metrics_table(artifact: dict) -> Markup:
    """The metrics over all clips."""
    figures, clips = artifact["figures"], artifact["clips"]
    cells = []
    for name, head in OF_CLIPS.items():
        if name in figures:
            cells.append((head, share(figures[name], count=clips, chance=figures.get(f"chance_{name}"))))
    cells += [(head, share(figures[name])) for name, head in OTHER_SHARES.items() if name in figures]
    cells += [(head, f"{figures[name]:.3g}") for name, head in OTHERS.items() if name in figures]
    heads, row = zip(*cells) if cells else ((), ())
    return table(heads, [row], class_="classes", has_row_heads=False)


def _fit(artifact: dict) -> Markup | None:
    fit = artifact.get("fit") or {}
    said = []
    for name, value in fit.items():
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


def class_tables(classes: list[dict]) -> Markup:
    """All classes where they are few; else the best and the worst, and all of them folded."""
    measured = [each for each in classes if worth_of(each) is not None]
    ordered = sorted(measured, key=lambda each: (-worth_of(each), each["label"]))
    empty = [each["label"] for each in classes if worth_of(each) is None]
    note = None
    if empty:
        names = ", ".join(empty[:8]) + (f" and {len(empty) - 8} more" if len(empty) > 8 else "")
        note = element("p", f"{len(empty)} class(es) without a clip to judge by: {names}.", class_="note")
    if len(ordered) <= ALL_SHOWN:
        return element("div", element("h3", "Classes, the best first"), _class_table(ordered), note)
    folded = element("details", element("summary", f"All {len(ordered):,} classes"), _class_table(ordered))
    return element(
        "div",
        element("h3", f"The best {ENDS} of {len(ordered):,} classes"),
        _class_table(ordered[:ENDS]),
        element("h3", f"The worst {ENDS}, the worst first"),
        _class_table(ordered[: -ENDS - 1 : -1]),
        folded,
        note,
    )


def worth_of(one: dict) -> float | None:
    """What a class is ordered by; None if it has no clips."""
    return one.get("top_1", one.get("average_precision"))


def _class_table(classes: list[dict]) -> Markup:
    single = any("top_1" in each for each in classes)
    heads = ["Class", "Clips", "Top-1", "Top-5", "Mostly taken for"]
    if not single:
        heads = ["Class", "Clips", "Average precision", "AUC", "d′"]
    rows = []
    for each in classes:
        label = [each["label"]]
        if each.get("alike"):
            label.append(element("span", "reads like another", class_="tag"))
        if each.get("sentence"):
            label.append(element("small", f"“{each['sentence']}”"))
        rows.append([label, f"{each['clips']:,}", *_of_class(each, single)])
    return table(heads, rows, class_="classes")


def _of_class(one: dict, single: bool) -> list:
    if not single:
        rest = [one.get("auc"), one.get("d_prime")]
        return [
            element("div", share(one["average_precision"]), class_="in-line"),
            *("–" if each is None else scales.short(each) for each in rest),
        ]
    taken = "–"
    if one.get("taken_for"):
        taken = f"{one['taken_for']} ({one['taken_for_clips']})"
    worth = element("div", share(one["top_1"], count=one["clips"]), class_="in-line")
    return [worth, scales.percent(one["top_5"]), taken]
