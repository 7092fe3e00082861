"""Two classifications side by side: their metrics, and the classes that differ most."""

from vatt.report.classes import ALL_SHOWN, ENDS, OF_CLIPS, OTHER_SHARES, OTHERS, worth_of
from vatt.report.contrast import PAIRED, UNPAIRED, Contrast, Row, Sides, contrast_table, paired, share_row
from vatt.report.evaluation import Evaluation
from vatt.report.markup import Markup, element


def contrast(left: Evaluation, right: Evaluation) -> Contrast:
    """The metrics of both, and the classes that differ most."""
    figures = [each.artifact["figures"] for each in (left, right)]
    counts = tuple(each.artifact["clips"] for each in (left, right))
    ranks = paired(left, right, lambda artifact: artifact.get("ranks"))
    rows = []
    for name, label in (OF_CLIPS | OTHER_SHARES).items():
        values = [each.get(name) for each in figures]
        if values == [None, None]:
            continue
        if name in OF_CLIPS:
            k = int(name.removeprefix("top_"))
            outcomes = tuple([rank <= k for rank in each] for each in ranks) if ranks else None
            headline = name == "top_1"
            rows.append(share_row(label, *values, outcomes=outcomes, counts=counts, is_headline=headline))
        else:
            headline = name == "mean_average_precision"
            rows.append(Row(label=label, left=values[0], right=values[1], is_headline=headline))
    for name, label in OTHERS.items():
        values = [each.get(name) for each in figures]
        if values != [None, None]:
            better = True if name.startswith("d_prime") else None
            rows.append(
                Row(label=label, left=values[0], right=values[1], is_share=False, higher_is_better=better)
            )
    note = (PAIRED if ranks else UNPAIRED).format("clips") if "top_1" in figures[0] else ""

    def by_class(tags: Sides, are_comparable: bool) -> Markup | None:
        return _classes_apart(left, right, tags) if are_comparable else None

    return Contrast(rows=rows, note=note, more=by_class)


def _classes_apart(left: Evaluation, right: Evaluation, tags: Sides) -> Markup | None:
    """The classes by how much they differ."""
    before = {each["label"]: each for each in left.artifact["classes"]}
    rows = []
    for each in right.artifact["classes"]:
        values = [worth_of(before.get(each["label"], {})), worth_of(each)]
        if None in values:
            continue
        counts = (before[each["label"]]["clips"], each["clips"])
        label = f"{each['label']} ({each['clips']:,})"
        if "top_1" in each:
            rows.append(share_row(label, *values, outcomes=None, counts=counts))
        else:
            rows.append(Row(label=label, left=values[0], right=values[1]))
    if not rows:
        return None
    rows.sort(key=lambda row: (-row.difference, row.label))
    if len(rows) > ALL_SHOWN:
        rows = [*rows[:ENDS], *rows[-ENDS:]]
        title = f"The {ENDS} classes with the greatest gain, and the {ENDS} with the greatest loss"
    else:
        title = "Classes, the greatest gain first"
    text = (
        "In brackets: clips. A class has few of them, so that most differences are within what chance does."
    )
    table = contrast_table(rows, tags, are_comparable=True)
    return element("div", element("h3", title), element("p", text, class_="note"), table)
