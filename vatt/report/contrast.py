"""Two evaluations side by side: rows of a number of each, and the difference with its interval."""

import dataclasses
from collections.abc import Callable, Sequence

from vatt.report import scales
from vatt.report.evaluation import Evaluation
from vatt.report.intervals import (
    difference_interval,
    mean_difference_interval,
    paired_difference_interval,
)
from vatt.report.markup import Markup, element
from vatt.report.tables import table

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
    """One number of both runs.

    Args:
        label: what it is.
        left, right: its values; None where a run has none.
        is_share: in [0, 1], shown as percent.
        write: turns a value that is no share into text.
        higher_is_better: of the number; None where it is neither.
        interval: 95 % interval of right minus left; None where there is none to be had.
        is_headline: shown at the head of the page.
    """

    label: str
    left: float | None
    right: float | None
    is_share: bool = True
    write: Callable[[float], str] = scales.short
    higher_is_better: bool | None = True
    interval: tuple[float, float] | None = None
    is_headline: bool = False

    @property
    def difference(self) -> float | None:
        return None if self.left is None or self.right is None else self.right - self.left

    @property
    def better(self) -> int:
        """1 where the right one is better beyond its interval, -1 the left one; 0 where nobody knows."""
        if self.interval is None or self.higher_is_better is None:
            return 0
        low, high = self.interval
        sign = 1 if self.higher_is_better else -1
        return sign * ((low > 0) - (high < 0))

    def value(self, number: float | None) -> str:
        if number is None:
            return "–"
        return scales.percent(number) if self.is_share else self.write(number)

    def signed(self, number: float) -> str:
        size = abs(number)
        text = f"{100 * size:.1f}" if self.is_share else self.write(size)
        sign = "+" if number > 0 else _MINUS if number < 0 else "±"
        return f"{sign}{text}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contrast:
    """Two evaluations of one kind, compared.

    Args:
        rows: number by number.
        note: how the intervals were made; "" without any.
        more: (what marks the runs, whether they are comparable) -> what is shown below the rows.
    """

    rows: list[Row]
    note: str = ""
    more: Callable[["Sides", bool], Markup | None] | None = None


@dataclasses.dataclass(frozen=True)
class Sides:
    """What marks the two runs on the page."""

    left: Markup
    right: Markup


def sides() -> Sides:
    """ "A" in the colour of the first line, "B" in that of the second."""
    return Sides(element("span", "A", class_="side side-a"), element("span", "B", class_="side side-b"))


def share_row(
    label: str,
    left: float | None,
    right: float | None,
    *,
    outcomes: tuple[Sequence[bool], Sequence[bool]] | None,
    counts: tuple[int, int],
    is_headline: bool = False,
) -> Row:
    """A row of two shares of clips or queries.

    Args:
        label, left, right, is_headline: see `Row`.
        outcomes: of every trial of both runs, in the same order; None where they are not on record.
        counts: trials of both runs.
    """
    interval = None
    if left is not None and right is not None:
        if outcomes is not None:
            interval = paired_difference_interval(*outcomes)
        elif min(counts) > 0:
            interval = difference_interval(left, counts[0], right, counts[1])
    return Row(label=label, left=left, right=right, interval=interval, is_headline=is_headline)


def mean_row(
    label: str, left: float | None, right: float | None, *, values: tuple[Sequence, Sequence] | None
) -> Row:
    """A row of two means of ranks, of which lower is better; `values` of every trial, or None."""
    interval = None
    if values is not None and len(values[0]) > 1:
        interval = mean_difference_interval([b - a for a, b in zip(*values, strict=True)])
    return Row(
        label=label,
        left=left,
        right=right,
        is_share=False,
        write=scales.rank,
        higher_is_better=False,
        interval=interval,
    )


def paired(left: Evaluation, right: Evaluation, where: Callable[[dict], Sequence | None]):
    """What `where` finds in both artifacts, if it is there and as long; None else."""
    found = where(left.artifact), where(right.artifact)
    return found if all(found) and len(found[0]) == len(found[1]) else None


def contrast_table(rows: Sequence[Row], tags: Sides, *, are_comparable: bool) -> Markup:
    """The rows; without differences where the two can not be compared."""
    reach = max(
        (abs(end) for row in rows if row.is_share and row.interval for end in row.interval), default=0.0
    )
    made = []
    for row in rows:
        left = [tags.left, " ", element("b", row.value(row.left))]
        right = [tags.right, " ", element("b", row.value(row.right))]
        difference = _difference(row, tags, reach) if are_comparable else "not comparable"
        made.append([row.label, left, right, difference])
    heads = ["", tags.left, tags.right, [tags.right, f" {_MINUS} ", tags.left]]
    return table(heads, made, class_="contrast")


def _difference(row: Row, tags: Sides, reach: float) -> list:
    difference = row.difference
    if difference is None:
        return ["–"]
    unit = " points" if row.is_share else ""
    content = [element("b", f"{row.signed(difference)}{unit}")]
    if row.interval is None:
        return [element("div", content, class_="difference")]
    low, high = row.interval
    if row.is_share and reach:
        content.append(_plot(difference, low, high, reach))
    content.append(element("small", f"{row.signed(low)} to {row.signed(high)}", class_="interval"))
    if row.higher_is_better is not None:
        winner = {1: [tags.right, " better"], -1: [tags.left, " better"], 0: "no clear difference"}[
            row.better
        ]
        content.append(element("small", winner, class_="winner"))
    return [element("div", content, class_="difference")]


def _plot(difference: float, low: float, high: float, reach: float) -> Markup:
    """The difference as a dot and its interval as a line, about zero in the middle."""

    def x(value: float) -> float:
        return round(60 + 56 * value / reach, 1)

    parts = [
        element("line", x1=4, x2=116, y1=8, y2=8, class_="grid"),
        element("line", x1=60, x2=60, y1=1, y2=15, class_="axis"),
        element("line", x1=x(low), x2=x(high), y1=8, y2=8, class_="reach"),
        element("circle", cx=x(difference), cy=8, r=3.5, class_="at"),
    ]
    return element("svg", parts, viewBox="0 0 120 16", class_="interval-plot", aria_hidden="true")
