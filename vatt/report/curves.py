"""Line charts in SVG, drawn from numbers by hand: no script, no font, colours from the page's style sheet.

A long series is cut into slots; the line joins the means of the slots and the band behind it spans their
least and greatest values, so that a spike of one step stays visible.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

from vatt.report import scales
from vatt.report.markup import Markup, element

WIDTH, HEIGHT = 460, 230  # user units; the drawing scales with the page
LEFT, RIGHT, TOP, BOTTOM = 50, 12, 26, 30
SLOTS = 150  # points of a line: more than one for 3 units of width is not seen
PROBES = 50  # places that answer to the pointer
DASHES = (None, "6 3", "2 3", "8 3 2 3")  # lines differ without colour, too


@dataclasses.dataclass(frozen=True)
class Series:
    """One line: points (step, value); a value that is not finite makes a gap."""

    label: str
    points: Sequence[tuple[int, float]]


@dataclasses.dataclass(frozen=True)
class Slot:
    """Some consecutive points of a series: mean step, and mean, least and greatest value."""

    step: float
    mean: float
    low: float
    high: float


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    unit: str = "",
    from_zero: bool = False,
    write: Callable[[float], str] = scales.short,
) -> Markup:
    """A figure: title, legend, the lines over steps, and their values under the pointer.

    Args:
        title: what is drawn.
        series: up to four lines.
        unit: of the vertical axis, shown with the title.
        from_zero: let the vertical axis begin at 0.
        write: turns a value into text.
    """
    slots = [_slots(each.points) for each in series]
    drawn = [slot for line in slots for slot in line if slot is not None]
    gaps = sum(not math.isfinite(value) for each in series for _, value in each.points)
    heading = [element("b", title), element("span", f" {unit}", class_="unit") if unit else None]
    if not drawn:
        return element(
            "figure", element("figcaption", heading), element("p", "No number to draw.", class_="note")
        )
    frame = _Frame(drawn, from_zero)
    parts = [_axes(frame, write)]
    for number, line in enumerate(slots):
        parts += [_band(frame, line, number), _line(frame, line, number)]
    parts += _probes(frame, series, write)
    drawing = element(
        "svg",
        parts,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=_spoken(title, series, write),
        class_="chart",
    )
    remark = None
    if gaps:
        remark = element("p", f"{gaps} value(s) are not finite and left out of the line.", class_="note")
    legend = [_legend_entry(each.label, number) for number, each in enumerate(series) if len(series) > 1]
    return element("figure", element("figcaption", heading, legend), drawing, remark, class_="curve")


class _Frame:
    """Where steps and values lie on the drawing."""

    def __init__(self, slots: Sequence[Slot], from_zero: bool):
        self.first, self.last = min(slot.step for slot in slots), max(slot.step for slot in slots)
        low, high = min(slot.low for slot in slots), max(slot.high for slot in slots)
        room = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
        self.low = 0.0 if from_zero and low >= 0 else low - room
        self.high = high + room

    def x(self, step: float) -> float:
        share = (step - self.first) / (self.last - self.first) if self.last > self.first else 0.5
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def _slots(points: Sequence[tuple[int, float]]) -> list[Slot | None]:
    """At most `SLOTS` slots of about equally many points; None for one without a finite value."""
    count = min(SLOTS, len(points))
    bounds = [round(i * len(points) / count) for i in range(count + 1)] if count else []
    slots = []
    for first, last in zip(bounds, bounds[1:], strict=False):
        step = sum(step for step, _ in points[first:last]) / (last - first)
        values = [value for _, value in points[first:last] if math.isfinite(value)]
        slots.append(Slot(step, sum(values) / len(values), min(values), max(values)) if values else None)
    return slots


def _axes(frame: _Frame, write: Callable[[float], str]) -> list[Markup]:
    bottom, parts = HEIGHT - BOTTOM, []
    for value in scales.ticks(frame.low, frame.high, 4):
        y = frame.y(value)
        parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid"))
        label = (
            scales.tick_label(value) if write is scales.short else write(value).replace(".0\u202f", "\u202f")
        )
        parts.append(element("text", label, x=LEFT - 6, y=y + 4, text_anchor="end"))
    for step in scales.ticks(frame.first, frame.last, 5):
        if step != int(step):
            continue
        x = frame.x(step)
        parts.append(element("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, class_="axis"))
        end = "end" if x > WIDTH - RIGHT - 14 else "middle"
        parts.append(element("text", f"{step:,.0f}", x=x, y=bottom + 17, text_anchor=end))
    parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=bottom, class_="axis"))
    parts.append(element("text", "step", x=LEFT - 6, y=bottom + 17, text_anchor="end", class_="quiet"))
    return parts


def _runs(slots: Sequence[Slot | None]) -> list[list[Slot]]:
    """Stretches without a gap."""
    runs: list[list[Slot]] = [[]]
    for slot in slots:
        if slot is None:
            runs.append([])
        else:
            runs[-1].append(slot)
    return [run for run in runs if run]


def _line(frame: _Frame, slots: Sequence[Slot | None], number: int) -> list[Markup]:
    parts = []
    for run in _runs(slots):
        if len(run) == 1:
            dot = {"cx": frame.x(run[0].step), "cy": frame.y(run[0].mean), "r": 3}
            parts.append(element("circle", **dot, class_=f"dot colour{number}"))
        else:
            path = " ".join(f"{frame.x(slot.step)},{frame.y(slot.mean)}" for slot in run)
            dash = DASHES[number % len(DASHES)]
            parts.append(
                element("polyline", points=path, class_=f"line colour{number}", stroke_dasharray=dash)
            )
    return parts


def _band(frame: _Frame, slots: Sequence[Slot | None], number: int) -> list[Markup]:
    parts = []
    for run in _runs(slots):
        if any(slot.high > slot.low for slot in run):
            above = [f"{frame.x(slot.step)},{frame.y(slot.high)}" for slot in run]
            below = [f"{frame.x(slot.step)},{frame.y(slot.low)}" for slot in reversed(run)]
            parts.append(element("polygon", points=" ".join(above + below), class_=f"band colour{number}"))
    return parts


def _probes(frame: _Frame, series: Sequence[Series], write: Callable[[float], str]) -> list[Markup]:
    """Invisible columns over the drawing; the one under the pointer shows its step and values."""
    steps = sorted({step for each in series for step, _ in each.points})
    stride = max(1, math.ceil(len(steps) / PROBES))
    chosen = steps[::-stride][::-1]  # counted from the end: the last step is always there
    edges = [LEFT, *((frame.x(a) + frame.x(b)) / 2 for a, b in zip(chosen, chosen[1:], strict=False))]
    edges.append(WIDTH - RIGHT)
    values = [dict(each.points) for each in series]
    parts = []
    for place, step in enumerate(chosen):
        read = [
            (number, each.label, values[number][step])
            for number, each in enumerate(series)
            if math.isfinite(values[number].get(step, math.nan))
        ]
        if not read:
            continue
        said = ["step " + f"{step:,}"] + [
            (f"{label} " if len(series) > 1 else "") + write(value) for _, label, value in read
        ]
        x = frame.x(step)
        parts.append(
            element(
                "g",
                element("title", " · ".join(said)),
                element(
                    "rect",
                    x=round(edges[place], 1),
                    y=0,
                    width=round(edges[place + 1] - edges[place], 1),
                    height=HEIGHT - BOTTOM,
                    class_="catch",
                ),
                element("line", x1=x, x2=x, y1=TOP, y2=HEIGHT - BOTTOM, class_="shown"),
                [
                    element("circle", cx=x, cy=frame.y(value), r=3.5, class_=f"shown dot colour{number}")
                    for number, _, value in read
                ],
                element("text", " · ".join(said), x=WIDTH - RIGHT, y=14, text_anchor="end", class_="shown"),
                class_="probe",
            )
        )
    return parts


def _legend_entry(label: str, number: int) -> Markup:
    dash = DASHES[number % len(DASHES)]
    stroke = element("line", x1=0, x2=26, y1=5, y2=5, class_=f"line colour{number}", stroke_dasharray=dash)
    swatch = element("svg", stroke, viewBox="0 0 26 10", width=26, height=10, aria_hidden="true")
    return element("span", swatch, f" {label}", class_="legend")


def _spoken(title: str, series: Sequence[Series], write: Callable[[float], str]) -> str:
    ends = []
    for each in series:
        finite = [value for _, value in each.points if math.isfinite(value)]
        if finite:
            ends.append(f"{each.label} from {write(finite[0])} to {write(finite[-1])}")
    return f"{title} over training steps: {', '.join(ends)}"
