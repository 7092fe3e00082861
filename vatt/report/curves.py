"""Curves over training steps: a long series is thinned, and a spike of one step stays visible.

The line joins the means of slots of consecutive points; the band behind it spans their least and greatest
values.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from vatt.report import scales
from vatt.report.markup import Markup, element
from vatt.report.plot import BOTTOM, DASHES, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, Plot, colour_of

SLOTS = 150  # points of a line: more than one for 3 units of the drawing's width is not seen
MOST_LINES = len(DASHES)
_PROBES = 50  # places that answer to the pointer
Points = Sequence[tuple[int, float]] | np.ndarray  # [N, 2], step and value, steps rising
Write = Callable[[float], str]

# A few values so far above the rest would press it flat onto the axis: they are cut off, and counted.
_CUT_SHARE = 0.02
_CUT_FACTOR = 4.0
_LEAST_SLOTS = 20


@dataclasses.dataclass(frozen=True)
class Series:
    """One line: its label, and its points; a value that is not finite makes a gap."""

    label: str
    points: Points

    @property
    def values(self) -> np.ndarray:
        """float64 [N]"""
        return np.asarray(self.points, np.float64).reshape(-1, 2)[:, 1]


@dataclasses.dataclass(frozen=True)
class Slot:
    """Some consecutive points of a series."""

    first: int  # their steps
    last: int
    step: float  # mean of the steps
    mean: float  # of the finite values; NaN where there is none
    low: float
    high: float

    @property
    def is_empty(self) -> bool:
        return math.isnan(self.mean)


def thin(points: Points) -> list[Slot]:
    """At most `SLOTS` slots of about equally many points."""
    table = np.asarray(points, np.float64).reshape(-1, 2)
    count = min(SLOTS, len(table))
    bounds = [round(i * len(table) / count) for i in range(count + 1)] if count else []
    return [_slot(table[first:last]) for first, last in zip(bounds, bounds[1:], strict=False)]


def _slot(points: np.ndarray) -> Slot:
    steps, values = points[:, 0], points[:, 1]
    values = values[np.isfinite(values)]
    found = (values.mean(), values.min(), values.max()) if len(values) else (math.nan,) * 3
    return Slot(int(steps[0]), int(steps[-1]), float(steps.mean()), *map(float, found))


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    unit: str = "",
    from_zero: bool = False,
    write: Write | None = None,
    marks: Sequence[tuple[int, str]] = (),
) -> Markup:
    """A figure: title, legend, the lines over steps, and their values under the pointer.

    Args:
        series: up to `MOST_LINES` lines; one without points keeps its colour, and is not drawn.
        unit: of the vertical axis, shown with the title.
        from_zero: let the vertical axis begin at 0 if no value is below.
        write: turns a value into text; None: plain numbers.
        marks: (step, what happened there), shown as signs on the horizontal axis.
    """
    lines = [thin(each.points) for each in series]
    drawn = [slot for line in lines for slot in line if not slot.is_empty]
    if not drawn:
        return element("figure", element("b", title), element("p", "No number to draw.", class_="note"))
    first, last = min(slot.step for slot in drawn), max(slot.step for slot in drawn)
    y = _values_axis(drawn, unit, from_zero, write)
    plot = Plot(title, Axis(low=first, high=last, label="step", write=scales.count, is_whole=True), y)
    for number, slots in enumerate(lines):
        _draw(plot, slots, number)
    for number, each in enumerate(series):
        if len(series) > 1 and len(each.points):
            plot.line_legend(number, each.label)
    for step, text in marks:
        if first <= step <= last:
            plot.add(_mark(plot, step, text))
    text = write or scales.short
    labels = [each.label if len(series) > 1 else "" for each in series]
    plot.add(*_probes(plot, labels, lines, text))
    return plot.figure(*_remarks(series, y, drawn, text), spoken=_spoken(title, series, text))


def _values_axis(drawn: Sequence[Slot], unit: str, from_zero: bool, write: Write | None) -> Axis:
    low, highest = min(slot.low for slot in drawn), max(slot.high for slot in drawn)
    high = highest
    if len(drawn) >= _LEAST_SLOTS:
        usual = float(np.quantile([slot.high for slot in drawn], 1 - _CUT_SHARE))
        high = usual if highest - low > _CUT_FACTOR * (usual - low) > 0 else highest
    room = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
    start = 0.0 if from_zero and low >= 0 else low - room
    return Axis(low=start, high=high + room, label=unit, write=write)


def _draw(plot: Plot, slots: Sequence[Slot], number: int) -> None:
    """A line with its band, left open where there is no value, and signs where it leaves the drawing."""
    stretches: list[list[Slot]] = [[]]
    for slot in slots:
        if slot.is_empty:
            stretches.append([])
        else:
            stretches[-1].append(slot)
    top = plot.y.high
    for stretch in filter(None, stretches):
        high, low, mean = (
            [(slot.step, min(getattr(slot, name), top)) for slot in stretch]
            for name in ("high", "low", "mean")
        )
        if len(stretch) > 1 and high != low:
            plot.area(high, low, number)
        plot.line(mean, number)
    for slot in slots:
        if slot.high > top:
            x, _ = plot.place(slot.step, top)
            sign = f"{x - 4},{TOP + 4} {x + 4},{TOP + 4} {x},{TOP - 3}"
            plot.add(element("polygon", points=sign, class_=f"above fill {colour_of(number)}"))


def _mark(plot: Plot, step: int, text: str) -> Markup:
    x, bottom = plot.place(step, plot.y.low)
    return element(
        "g",
        element("title", f"step {step:,} · {text}"),
        element("line", x1=x, x2=x, y1=TOP, y2=bottom, class_="alarm-line"),
        element("polygon", points=f"{x - 5},{bottom} {x + 5},{bottom} {x},{bottom - 8}", class_="alarm-sign"),
    )


def _probes(plot: Plot, labels: Sequence[str], lines: Sequence[list[Slot]], write: Write) -> Iterator[Markup]:
    """Invisible columns over the drawing; the one under the pointer shows its step and values."""
    steps = sorted({slot.step for slots in lines for slot in slots})
    chosen = steps[:: -max(1, math.ceil(len(steps) / _PROBES))][::-1]  # the last step is always there
    reach = (plot.x.high - plot.x.low) / 2 / _PROBES
    places = [plot.place(step, plot.y.low)[0] for step in chosen]
    edges = [LEFT, *((a + b) / 2 for a, b in zip(places, places[1:])), WIDTH - RIGHT]
    for step, x, left, right in zip(chosen, places, edges, edges[1:]):
        read = [(number, slot) for number, slots in enumerate(lines) if (slot := _near(slots, step, reach))]
        if not read:
            continue
        values = [f"{labels[number]} {write(slot.mean)}".strip() for number, slot in read]
        said = " · ".join([_steps(read[0][1]), *values])
        area = {"x": round(left, 1), "y": 0, "width": round(right - left, 1), "height": HEIGHT - BOTTOM}
        dots = []
        for number, slot in read:
            _, y = plot.place(slot.step, min(slot.mean, plot.y.high))
            dots.append(element("circle", cx=x, cy=y, r=3.5, class_=f"shown fill {colour_of(number)}"))
        yield element(
            "g",
            element("title", said),
            element("rect", **area, class_="catch"),
            element("line", x1=x, x2=x, y1=TOP, y2=HEIGHT - BOTTOM, class_="shown"),
            dots,
            element("text", said, x=WIDTH - RIGHT, y=14, text_anchor="end", class_="shown"),
            class_="probe",
        )


def _near(slots: Sequence[Slot], step: float, distance: float) -> Slot | None:
    """The slot with values that is nearest to a step; None where none is within a distance."""
    held = (slot for slot in slots if not slot.is_empty)
    slot = min(held, key=lambda slot: abs(slot.step - step), default=None)
    return slot if slot is not None and abs(slot.step - step) <= distance else None


def _steps(slot: Slot) -> str:
    if slot.first == slot.last:
        return f"step {slot.first:,}"
    return f"steps {slot.first:,} to {slot.last:,}, means"


def _remarks(series: Sequence[Series], y: Axis, drawn: Sequence[Slot], write: Write) -> Iterator[str]:
    values = np.concatenate([each.values for each in series])
    if gaps := int((~np.isfinite(values)).sum()):
        yield f"{gaps:,} value(s) are not finite and left out of the line."
    highest = max(slot.high for slot in drawn)
    if highest > y.high:
        above = int((values > y.high).sum())
        yield f"{above:,} value(s) are above what is drawn (▲), the highest at {write(highest)}."


def _spoken(title: str, series: Sequence[Series], write: Write) -> str:
    ends = []
    for each in series:
        finite = each.values[np.isfinite(each.values)]
        if len(finite):
            ends.append(f"{each.label} from {write(float(finite[0]))} to {write(float(finite[-1]))}")
    return f"{title} over training steps: {', '.join(ends)}"
