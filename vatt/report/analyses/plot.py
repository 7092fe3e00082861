"""A plot of numbers against numbers: axes, lines, areas, points, which the analyses' figures share."""

import math
from collections.abc import Iterable, Sequence

from vatt.report import scales
from vatt.report.analyses.palette import colour_of
from vatt.report.curves import DASHES
from vatt.report.markup import Markup, element

WIDTH, HEIGHT = 460, 260  # user units; the drawing scales with the page
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 10, 40


class Plot:
    """Collects what is drawn; `figure` gives the drawing.

    Args:
        title: of the figure.
        x, y: (least, greatest) of the axes.
        x_label, y_label: what the axes are, with the unit.
        write_x, write_y: turn a tick into text.
        whole_x: whether only whole numbers are marked on x.
    """

    def __init__(
        self,
        title: str,
        *,
        x: tuple[float, float],
        y: tuple[float, float],
        x_label: str,
        y_label: str = "",
        write_x=scales.tick_label,
        write_y=scales.tick_label,
        whole_x: bool = False,
    ):
        self.title = title
        self._x, self._y = _spread(*x), _spread(*y)
        self._labels = x_label, y_label
        self._parts = self._axes(write_x, write_y, whole_x)
        self._legend: list[Markup] = []

    def place(self, x: float, y: float) -> tuple[float, float]:
        """User units of a point."""
        across = (x - self._x[0]) / (self._x[1] - self._x[0])
        up = (y - self._y[0]) / (self._y[1] - self._y[0])
        return (
            round(_LEFT + across * (WIDTH - _LEFT - _RIGHT), 1),
            round(HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM), 1),
        )

    def line(
        self, xs: Sequence[float], ys: Sequence[float], number: int, label: str, *, area=False, points=False
    ) -> None:
        """A line in the colour and the dashes of a number, with an entry in the legend."""
        places = [self.place(x, y) for x, y in zip(xs, ys, strict=True) if math.isfinite(y)]
        if not places:
            return
        drawn, colour = " ".join(f"{x:g},{y:g}" for x, y in places), colour_of(number)
        if area:
            (first, base), (last, _) = self.place(xs[0], self._y[0]), self.place(xs[-1], self._y[0])
            ends = f"{first:g},{base:g} {drawn} {last:g},{base:g}"
            self._parts.append(element("polygon", points=ends, class_=f"plot-area {colour}"))
        dash = DASHES[number % len(DASHES)]
        line = {"class_": f"plot-line {colour}", "stroke_dasharray": dash}
        self._parts.append(element("polyline", element("title", label), points=drawn, **line))
        if points:
            for x, y in places:
                self._parts.append(element("circle", cx=x, cy=y, r=2.6, class_=f"fill {colour}"))
        sample = element("line", x1=0, x2=22, y1=5, y2=5, **line)
        drawing = element("svg", sample, viewBox="0 0 22 10", width=22, height=10)
        self._legend.append(element("span", drawing, f" {label}", class_="legend"))

    def points(
        self, points: Iterable[tuple[float, float, float, float, str]], number: int, label: str = ""
    ) -> None:
        """Dots with whiskers: (x, y, lower end, upper end, title); a label is an entry in the legend."""
        if label:
            dot = element("circle", cx=5, cy=5, r=3.4, class_=f"fill {colour_of(number)}")
            drawing = element("svg", dot, viewBox="0 0 10 10", width=10, height=10)
            self._legend.append(element("span", drawing, f" {label}", class_="legend"))
        for x, y, low, high, title in points:
            (left, middle), (_, bottom), (_, top) = (self.place(x, each) for each in (y, low, high))
            colour = colour_of(number)
            self._parts.append(
                element(
                    "g",
                    element("title", title),
                    element("line", x1=left, x2=left, y1=bottom, y2=top, class_=f"plot-whisker {colour}"),
                    element("circle", cx=left, cy=middle, r=3, class_=f"fill {colour}"),
                )
            )

    def guide(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """A thin straight line for the eye."""
        (x1, y1), (x2, y2) = self.place(*start), self.place(*end)
        self._parts.append(element("line", x1=x1, x2=x2, y1=y1, y2=y2, class_="plot-guide"))

    def figure(self, *, note: str | None = None, spoken: str | None = None) -> Markup:
        """The figure, with `note` under it and `spoken` for those who do not see it."""
        unit = f" {self._labels[1]}" if self._labels[1] else None
        return element(
            "figure",
            element(
                "figcaption", element("b", self.title), element("span", unit, class_="unit"), self._legend
            ),
            element(
                "svg",
                self._parts,
                viewBox=f"0 0 {WIDTH} {HEIGHT}",
                role="img",
                aria_label=spoken or self.title,
                class_="chart",
            ),
            element("p", note, class_="note") if note else None,
        )

    def _axes(self, write_x, write_y, whole_x) -> list[Markup]:
        bottom, parts = HEIGHT - _BOTTOM, []
        for value in scales.ticks(*self._y, 4):
            y = self.place(self._x[0], value)[1]
            parts.append(element("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=y, y2=y, class_="grid"))
            parts.append(element("text", write_y(value), x=_LEFT - 6, y=y + 4, text_anchor="end"))
        for value in scales.ticks(*self._x, 6):
            if whole_x and value != int(value):
                continue
            x = self.place(value, self._y[0])[0]
            parts.append(element("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, class_="axis"))
            end = "end" if x > WIDTH - _RIGHT - 14 else "middle"
            parts.append(element("text", write_x(value), x=x, y=bottom + 17, text_anchor=end))
        parts.append(element("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=bottom, y2=bottom, class_="axis"))
        middle = (_LEFT + WIDTH - _RIGHT) / 2
        parts.append(element("text", self._labels[0], x=middle, y=HEIGHT - 6, text_anchor="middle"))
        return parts


def _spread(low: float, high: float) -> tuple[float, float]:
    """An axis needs a length."""
    return (low, high) if high > low else (low - 0.5, high + 0.5)
