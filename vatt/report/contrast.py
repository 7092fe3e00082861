"""Two evaluations side by side: rows of a number of each, and the difference with its interval."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from vatt.report import scales
from vatt.report.evaluation import Evaluation
from vatt.report.intervals import (
    difference_interval,
    mean_difference_interval,
    paired_difference_interval,
)
from vatt.report.markup import Markup, element
from vatt.report.tables import table

# What marks the two runs on a page: letters in the colours of the first and the second line.
A, B = TAGS = (element("span", "A", class_="side side-a"), element("span", "B", class_="side side-b"))
PAIRED = (
    "Intervals of differences, 95\u202f%: of pairs, since both runs answered the same {}, one by one "
    "(Agresti, Min 2005)."
)
UNPAIRED = (
    "Intervals of differences, 95\u202f%: of two separate samples (Newcombe 1998), since at least one of the "
    "two left no outcome of each of the {}. In pairs they are narrower: evaluate it again to have them."
)
_MINUS = "\u2212"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """One number of both runs."""

    label: str  # what it is
    left: float | None  # its values; None where a run has none
    right: float | None
    # turns a value that is no share into text; None: a share in [0, 1], shown as percent
    write: Callable[[float], str] | None = None
    higher_is_better: bool | None = True  # of the number; None where it is neither
    # 95 % interval of right minus left; None where there is none to be had
    interval: tuple[float, float] | None = None
    is_headline: bool = False  # shown at the head of the page

    @property
    def difference(self) -> float | None:
        return None if self.left is None or self.right is None else self.right - self.left

    @property
    def winner(self) -> Markup | None:
        """The mark of the run that is better beyond the interval; None where nobody knows."""
        if self.interval is None or self.higher_is_better is None:
            return None
        low, high = self.interval
        if low <= 0 <= high:
            return None
        return B if (low > 0) == self.higher_is_better else A

    def value(self, number: float | None) -> str:
        if number is None:
            return "–"
        return scales.percent(number) if self.write is None else self.write(number)

    def signed(self, number: float) -> str:
        size = abs(number)
        text = f"{100 * size:.1f}" if self.write is None else self.write(size)
        return f"{'+' if number > 0 else _MINUS if number < 0 else '±'}{text}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contrast:
    """Two evaluations of one kind, compared."""

    rows: list[Row]  # number by number
    note: str = ""  # how the intervals were made; "" without any
    # given whether the two are comparable, makes what is shown below the rows
    more: Callable[[bool], Markup | None] = lambda are_comparable: None


def share_row(
    label: str,
    values: Sequence[float | None],
    counts: Sequence[int],
    outcomes: Sequence[Sequence[bool]] | None = None,
    *,
    is_headline: bool = False,
) -> Row:
    """A row of two shares of clips or queries.

    Args:
        label, is_headline: see `Row`.
        values: of both runs.
        counts: trials of both runs.
        outcomes: of every trial of both runs, in the same order; None where they are not on record.
    """
    (left, right), interval = values, None
    if left is not None and right is not None:
        if outcomes is not None:
            interval = paired_difference_interval(*outcomes)
        elif min(counts) > 0:
            interval = difference_interval(left, counts[0], right, counts[1])
    return Row(label=label, left=left, right=right, interval=interval, is_headline=is_headline)


def rank_row(
    label: str, values: Sequence[float | None], ranks: Sequence[Sequence[float]] | None = None
) -> Row:
    """A row of two ranks, of which lower is better; `ranks` of every trial where they are means of those."""
    interval = None
    if ranks is not None and len(ranks[0]) > 1:
        interval = mean_difference_interval([b - a for a, b in zip(*ranks, strict=True)])
    left, right = values
    return Row(
        label=label, left=left, right=right, write=scales.rank, higher_is_better=False, interval=interval
    )


def paired(left: Evaluation, right: Evaluation, where: Callable[[dict], Any]) -> list[Sequence] | None:
    """What `where` finds in both artifacts, if it is there and as long; None else."""
    found = [where(left.artifact), where(right.artifact)]
    return found if all(found) and len(found[0]) == len(found[1]) else None


def contrast_table(rows: Sequence[Row], *, are_comparable: bool) -> Markup:
    """The rows; without differences where the two can not be compared."""
    ends = [abs(end) for row in rows if row.write is None for end in row.interval or ()]
    reach = max(ends, default=0.0)
    made = []
    for row in rows:
        values = [
            [tag, " ", element("b", row.value(each))]
            for tag, each in zip(TAGS, (row.left, row.right), strict=True)
        ]
        made.append([row.label, *values, _difference(row, reach) if are_comparable else "not comparable"])
    return table(["", A, B, [B, f" {_MINUS} ", A]], made, class_="contrast")


def _difference(row: Row, reach: float) -> Markup | str:
    if row.difference is None:
        return "–"
    content = [element("b", row.signed(row.difference), " points" if row.write is None else None)]
    if row.interval is not None:
        if row.write is None and reach:
            content.append(_plot(row.difference, *row.interval, reach))
        low, high = map(row.signed, row.interval)
        content.append(element("small", f"{low} to {high}", class_="interval"))
        if row.higher_is_better is not None:
            winner = [row.winner, " better"] if row.winner else "no clear difference"
            content.append(element("small", winner, class_="winner"))
    return element("div", content, class_="difference")


def _plot(difference: float, low: float, high: float, reach: float) -> Markup:
    """The difference as a dot and its interval as a line, about zero in the middle."""
    at, left, right = (round(60 + 56 * value / reach, 1) for value in (difference, low, high))
    parts = [
        element("line", x1=4, x2=116, y1=8, y2=8, class_="grid"),
        element("line", x1=60, x2=60, y1=1, y2=15, class_="axis"),
        element("line", x1=left, x2=right, y1=8, y2=8, class_="reach"),
        element("circle", cx=at, cy=8, r=3.5, class_="at"),
    ]
    return element("svg", parts, viewBox="0 0 120 16", class_="interval-plot", aria_hidden="true")
