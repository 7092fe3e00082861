"""What a classifier takes its classes for: a matrix of few classes, the commonest mistakes of many."""

import collections
from collections.abc import Sequence

from vatt.report import scales
from vatt.report.markup import Markup, element
from vatt.report.tables import table

_MOST_CLASSES = 30  # of a matrix
_MISTAKES = 15
_CELL = 24  # user units
_LETTER = 6.3
_LONGEST = 18  # letters of a label
_SMALL_ENOUGH = 12  # classes that fit a phone without scrolling


def confusion(triples: Sequence[Sequence[int]], names: Sequence[str]) -> Markup | None:
    """The matrix, or the list; None where every clip was right or nothing is on record.

    Args:
        triples: (class, class it was taken for, clips) of every pair that occurs.
    """
    counts = {(int(right), int(taken)): int(clips) for right, taken, clips in triples}
    if not counts:
        return None
    if not all(0 <= number < len(names) for pair in counts for number in pair):
        raise ValueError("its confusions name classes that are not there")
    totals: collections.Counter[int] = collections.Counter()
    for (right, _), clips in counts.items():
        totals[right] += clips
    if len(names) <= _MOST_CLASSES:
        return element("div", element("h3", "What was taken for what"), _matrix(counts, totals, names))
    mistakes = [(clips, pair) for pair, clips in counts.items() if pair[0] != pair[1]]
    if not mistakes:
        return None
    rows = []
    for clips, (right, taken) in sorted(mistakes, key=lambda each: (-each[0], each[1]))[:_MISTAKES]:
        part = f"{clips} of {totals[right]} ({scales.percent(clips / totals[right], 0)})"
        rows.append([names[right], names[taken], part])
    listed = table(["Class", "Taken for", "Clips"], rows, class_="classes")
    return element("div", element("h3", "The commonest mistakes"), listed)


def _matrix(
    counts: dict[tuple[int, int], int], totals: collections.Counter[int], names: Sequence[str]
) -> Markup:
    labels = [name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…" for name in names]
    reach = max(28, round(_LETTER * max(map(len, labels)) + 8))  # of the longest label
    top = round(0.8 * reach) + 18
    width, height = reach + _CELL * len(names) + round(0.55 * reach), top + _CELL * len(names) + 4
    parts = [element("text", "class ↓  taken for →", x=2, y=12, class_="quiet")]
    for row, label in enumerate(labels):
        y, x = top + _CELL * row, reach + _CELL * row + 14
        parts.append(element("text", label, x=reach - 6, y=y + 16, text_anchor="end"))
        parts.append(element("text", label, x=x, y=top - 6, transform=f"rotate(-55 {x} {top - 6})"))
        for column in range(len(names)):
            clips, total = counts.get((row, column), 0), totals[row]
            said = f"{names[row]} taken for {names[column]}: {clips} of {total} clips"
            kind = "hit" if row == column else "miss"
            parts += _cell(reach + _CELL * column, y, clips, clips / (total or 1), kind, said)
    least = "" if len(names) <= _SMALL_ENOUGH else f"min-width: {min(width, 640)}px; "
    drawing = element(
        "svg",
        parts,
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_label=f"Confusion matrix of {len(names)} classes",
        class_="confusion",
        style=f"{least}max-width: {round(1.25 * width)}px",
    )
    return element("div", drawing, class_="scroll")


def _cell(x: int, y: int, clips: int, share: float, kind: str, said: str) -> list[Markup]:
    square = {"x": x + 1, "y": y + 1, "width": _CELL - 2, "height": _CELL - 2, "rx": 3}
    if not clips:
        return [element("rect", **square, class_="none", opacity="0.45")]
    return [
        element("rect", element("title", said), **square, class_=kind, opacity=f"{0.18 + 0.62 * share:.2f}"),
        element("text", str(clips), x=x + _CELL / 2, y=y + 16, text_anchor="middle", pointer_events="none"),
    ]
