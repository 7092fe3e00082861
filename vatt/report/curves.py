"""Line charts in SVG, drawn from numbers by hand: no script, no font, colours from the page's style sheet.

A long series is cut into slots (`vatt/report/thinning.py`); the line joins the means of the slots and the
band behind it spans their least and greatest values, so that a spike of one step stays visible.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np

from vatt.report import scales
from vatt.report.frame import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Frame, axes
from vatt.report.markup import Markup, element
from vatt.report.thinning import Slot, stretches, thin

PROBES = 50  # places that answer to the pointer
DASHES = (None, "6 3", "2 3", "8 3 2 3", "10 4", "4 2 1 2")  # lines differ without colour, too
MOST_LINES = len(DASHES)


@dataclasses.dataclass(frozen=True)
class Series:
    """One line.

    Args:
        label: its name.
        points: [N, 2], step and value, steps rising; a value that is not finite makes a gap.
        colour: its number; None for its place among the lines, which also decides its dashes.
    """

    label: str
    points: Sequence[tuple[int, float]] | np.ndarray
    colour: int | None = None


@dataclasses.dataclass(frozen=True)
class _Line:
    """A series as it is drawn."""

    label: str
    slots: list[Slot]
    colour: int
    dash: str | None

    @property
    def drawn(self) -> list[Slot]:
        return [slot for slot in self.slots if not slot.is_empty]

    def near(self, step: float, distance: float) -> Slot | None:
        slot = min(self.drawn, key=lambda slot: abs(slot.step - step), default=None)
        return slot if slot is not None and abs(slot.step - step) <= distance else None


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    unit: str = "",
    from_zero: bool = False,
    write: Callable[[float], str] = scales.short,
    marks: Sequence[tuple[int, str]] = (),
) -> Markup:
    """A figure: title, legend, the lines over steps, and their values under the pointer.

    Args:
        title: what is drawn.
        series: up to `MOST_LINES` lines.
        unit: of the vertical axis, shown with the title.
        from_zero: let the vertical axis begin at 0.
        write: turns a value into text.
        marks: (step, what happened there), shown as signs on the horizontal axis.
    """
    lines = [
        _Line(
            label=each.label,
            slots=thin(each.points),
            colour=place if each.colour is None else each.colour,
            dash=DASHES[place % len(DASHES)],
        )
        for place, each in enumerate(series)
    ]
    drawn = [slot for line in lines for slot in line.drawn]
    heading = [element("b", title), element("span", f" {unit}", class_="unit") if unit else None]
    if not drawn:
        return element(
            "figure", element("figcaption", heading), element("p", "No number to draw.", class_="note")
        )
    frame = Frame(drawn, from_zero)
    parts = [axes(frame, write)]
    parts += [_band(frame, line) for line in lines] + [_line(frame, line) for line in lines]
    parts += [_mark(frame, step, text) for step, text in marks if frame.first <= step <= frame.last]
    parts += _probes(frame, lines, write)
    drawing = element(
        "svg",
        parts,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=_spoken(title, series, write),
        class_="chart",
    )
    legend = None
    if len(lines) > 1 or any(each.colour is not None for each in series):  # whose colour says which run it is
        legend = element("span", [_legend_entry(line) for line in lines], class_="legends")
    remarks = [element("p", text, class_="note") for text in _remarks(frame, series, write)]
    return element("figure", element("figcaption", heading, legend), drawing, remarks, class_="curve")


def _remarks(frame: Frame, series: Sequence[Series], write: Callable[[float], str]) -> list[str]:
    values = np.concatenate([np.asarray(each.points, np.float64).reshape(-1, 2)[:, 1] for each in series])
    remarks = []
    if gaps := int((~np.isfinite(values)).sum()):
        remarks.append(f"{gaps:,} value(s) are not finite and left out of the line.")
    if frame.is_cut:
        above = int((values > frame.high).sum())
        remarks.append(
            f"{above:,} value(s) lie above what is drawn (▲), the highest at {write(frame.highest)}."
        )
    return remarks


def _line(frame: Frame, line: _Line) -> list[Markup]:
    parts = []
    for stretch in stretches(line.slots):
        if len(stretch) == 1:
            dot = {"cx": frame.x(stretch[0].step), "cy": frame.y(stretch[0].mean), "r": 3}
            parts.append(element("circle", **dot, class_=f"dot colour{line.colour}"))
        else:
            path = " ".join(f"{frame.x(slot.step)},{frame.y(slot.mean)}" for slot in stretch)
            drawn = {"class_": f"line colour{line.colour}", "stroke_dasharray": line.dash}
            parts.append(element("polyline", points=path, **drawn))
        for slot in stretch:
            if slot.high > frame.high:
                x = frame.x(slot.step)
                top = f"{x - 4},{TOP + 4} {x + 4},{TOP + 4} {x},{TOP - 3}"
                parts.append(element("polygon", points=top, class_=f"dot above colour{line.colour}"))
    return parts


def _band(frame: Frame, line: _Line) -> list[Markup]:
    parts = []
    for stretch in stretches(line.slots):
        if any(slot.high > slot.low for slot in stretch):
            above = [f"{frame.x(slot.step)},{frame.y(slot.high)}" for slot in stretch]
            below = [f"{frame.x(slot.step)},{frame.y(slot.low)}" for slot in reversed(stretch)]
            parts.append(
                element("polygon", points=" ".join(above + below), class_=f"band colour{line.colour}")
            )
    return parts


def _mark(frame: Frame, step: int, text: str) -> Markup:
    x, bottom = frame.x(step), HEIGHT - BOTTOM
    return element(
        "g",
        element("title", f"step {step:,} · {text}"),
        element("line", x1=x, x2=x, y1=TOP, y2=bottom, class_="alarm-line"),
        element("polygon", points=f"{x - 5},{bottom} {x + 5},{bottom} {x},{bottom - 8}", class_="alarm-sign"),
    )


def _probes(frame: Frame, lines: Sequence[_Line], write: Callable[[float], str]) -> list[Markup]:
    """Invisible columns over the drawing; the one under the pointer shows its step and values."""
    steps = sorted({slot.step for line in lines for slot in line.slots})
    stride = max(1, math.ceil(len(steps) / PROBES))
    chosen = steps[::-stride][::-1]  # counted from the end: the last step is always there
    reach = (frame.last - frame.first) / 2 / PROBES
    edges = [LEFT, *((frame.x(a) + frame.x(b)) / 2 for a, b in zip(chosen, chosen[1:], strict=False))]
    edges.append(WIDTH - RIGHT)
    parts = []
    for place, step in enumerate(chosen):
        read = [(line, slot) for line in lines if (slot := line.near(step, reach)) is not None]
        if not read:
            continue
        said = " · ".join(
            [_steps(read[0][1])]
            + [(f"{line.label} " if len(lines) > 1 else "") + write(slot.mean) for line, slot in read]
        )
        x = frame.x(step)
        width = round(edges[place + 1] - edges[place], 1)
        area = {"x": round(edges[place], 1), "y": 0, "width": width, "height": HEIGHT - BOTTOM}
        parts.append(
            element(
                "g",
                element("title", said),
                element("rect", **area, class_="catch"),
                element("line", x1=x, x2=x, y1=TOP, y2=HEIGHT - BOTTOM, class_="shown"),
                [
                    element(
                        "circle", cx=x, cy=frame.y(slot.mean), r=3.5, class_=f"shown dot colour{line.colour}"
                    )
                    for line, slot in read
                ],
                element("text", said, x=WIDTH - RIGHT, y=14, text_anchor="end", class_="shown"),
                class_="probe",
            )
        )
    return parts


def _steps(slot: Slot) -> str:
    return (
        f"step {slot.first:,}" if slot.first == slot.last else f"steps {slot.first:,} to {slot.last:,}, means"
    )


def _legend_entry(line: _Line) -> Markup:
    stroke = element(
        "line", x1=0, x2=26, y1=5, y2=5, class_=f"line colour{line.colour}", stroke_dasharray=line.dash
    )
    swatch = element("svg", stroke, viewBox="0 0 26 10", width=26, height=10, aria_hidden="true")
    return element("span", swatch, f" {line.label}", class_="legend")


def _spoken(title: str, series: Sequence[Series], write: Callable[[float], str]) -> str:
    ends = []
    for each in series:
        values = np.asarray(each.points, np.float64).reshape(-1, 2)[:, 1]
        finite = values[np.isfinite(values)]
        if len(finite):
            ends.append(f"{each.label} from {write(float(finite[0]))} to {write(float(finite[-1]))}")
    return f"{title} over training steps: {', '.join(ends)}"
