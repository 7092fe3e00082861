"""The drawing that every figure with axes is made of: two scales, grid, lines, bands, points, legend.

SVG drawn from numbers: no script, no font, colours from the page's style sheet, light and dark. Matplotlib's
SVG was tried: as large without the values under the pointer, twice as slow, its colours fixed.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence

from vatt.report import scales
from vatt.report.markup import Markup, element

# The colours are in `style.css`, from `--mark0` on: Okabe and Ito's (2008), which most colour-blind readers
# can distinguish, darker or lighter as the page is. Lines differ without colour, too.
COLOURS = 8
DASHES = (None, "6 3", "2 3", "8 3 2 3", "10 4", "4 2 1 2")
WIDTH, HEIGHT = 340, 216  # user units; the drawing scales with the page
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 24, 38


@dataclasses.dataclass(frozen=True, kw_only=True)
class Axis:
    """The scale of one direction."""

    low: float  # its ends; an axis without length is given one
    high: float
    label: str = ""  # what it shows, with the unit
    # turns a tick into text; None: plain numbers, with a common power of ten where they need one
    write: Callable[[float], str] | None = None
    is_whole: bool = False  # whether only whole numbers are marked

    def share(self, value: float) -> float:
        """Where a value is between the ends, 0 to 1."""
        low, high = (self.low, self.high) if self.high > self.low else (self.low - 0.5, self.low + 0.5)
        return (value - low) / (high - low)

    @property
    def power(self) -> int:
        """The power of ten that the ticks' numbers are to be multiplied with."""
        return 0 if self.write else scales.axis_power(max(abs(self.low), abs(self.high)))

    def ticks(self, count: int) -> list[tuple[float, str]]:
        """About `count` round values and their texts."""
        write, power = self.write or scales.tick_label, 10.0**self.power
        values = scales.ticks(self.low, self.high, count)
        values = (each for each in values if not self.is_whole or each == int(each))
        return [(each, write(each / power).replace(".0\u202f", "\u202f")) for each in values]


class Plot:
    """Collects what is drawn; `figure` gives the drawing.

    Args:
        x, y: its axes; y's label stands with the title.
    """

    def __init__(self, title: str, x: Axis, y: Axis):
        self.title, self.x, self.y = title, x, y
        self._parts: list[Markup] = _axes(x, y)
        self._legends: list[Markup] = []

    def place(self, x: float, y: float) -> tuple[float, float]:
        """User units of a point."""
        return (
            round(LEFT + self.x.share(x) * (WIDTH - LEFT - RIGHT), 1),
            round(HEIGHT - BOTTOM - self.y.share(y) * (HEIGHT - TOP - BOTTOM), 1),
        )

    def add(self, *parts: Markup) -> None:
        """Adds elements in user units."""
        self._parts += parts

    def line(self, points: Iterable[tuple[float, float]], number: int, label: str = "") -> None:
        """A line in the colour and the dashes of a number; points that are not finite are left out."""
        places = [self.place(x, y) for x, y in points if math.isfinite(y)]
        if len(places) == 1:
            self.add(_dot(places[0], number))
        elif places:
            title = element("title", label) if label else None
            self.add(element("polyline", title, points=_written(places), **_line_style(number)))
        if label and places:
            self.line_legend(number, label)

    def area(
        self, above: Sequence[tuple[float, float]], below: Sequence[tuple[float, float]], number: int
    ) -> None:
        """The area between two lines, in the colour of a number."""
        places = [self.place(*point) for point in (*above, *reversed(below))]
        self.add(element("polygon", points=_written(places), class_=f"area {colour_of(number)}"))

    def curve(self, xs: Sequence[float], ys: Sequence[float], number: int, label: str) -> None:
        """A line with the area below it."""
        points = list(zip(xs, ys, strict=True))
        self.area(points, [(x, self.y.low) for x in xs], number)
        self.line(points, number, label)

    def points(
        self, points: Iterable[tuple[float, float, float, float, str]], number: int, label: str = ""
    ) -> None:
        """Dots with whiskers: (x, y, lower end, upper end, title); a label is an entry in the legend."""
        if label:
            self._legends.append(legend(_dot((5, 5), number), label))
        for x, y, low, high, title in points:
            (left, bottom), (_, top) = self.place(x, low), self.place(x, high)
            whisker = {"x1": left, "x2": left, "y1": bottom, "y2": top}
            line = element("line", **whisker, class_=f"whisker-line {colour_of(number)}")
            self.add(element("g", element("title", title), line, _dot(self.place(x, y), number)))

    def guide(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """A thin straight line for comparison."""
        (x1, y1), (x2, y2) = self.place(*start), self.place(*end)
        self.add(element("line", x1=x1, x2=x2, y1=y1, y2=y2, class_="guide"))

    def line_legend(self, number: int, label: str) -> None:
        """Adds a line's entry to the legend."""
        sample = element("line", x1=0, x2=26, y1=5, y2=5, **_line_style(number))
        self._legends.append(legend(sample, label, width=26))

    def figure(self, *notes: str, spoken: str | None = None) -> Markup:
        """The figure, with notes under it and `spoken` for screen readers."""
        spoken = spoken or self.title
        return figure(self.title, self._parts, (WIDTH, HEIGHT), self._legends, notes, self.y.label, spoken)


def figure(
    title: str,
    parts: Iterable[Markup],
    size: tuple[int, int],
    legends: Sequence[Markup] = (),
    notes: Iterable[str] = (),
    unit: str = "",
    spoken: str = "",
) -> Markup:
    """A drawing of some elements with its title, legend and notes."""
    return element(
        "figure",
        element(
            "figcaption",
            element("b", title),
            element("span", f" {unit}", class_="unit") if unit else None,
            element("span", legends, class_="legends") if legends else None,
        ),
        element(
            "svg",
            parts,
            viewBox=f"0 0 {size[0]} {size[1]}",
            role="img",
            aria_label=spoken or title,
            class_="chart",
        ),
        [element("p", note, class_="note") for note in notes],
    )


def colour_of(category: int) -> str:
    """The class that gives an element a category's colour."""
    return f"m{category % COLOURS}"


def legend(sample: Markup, label: str, *, width: int = 10) -> Markup:
    """An entry of a legend."""
    drawing = element("svg", sample, viewBox=f"0 0 {width} 10", width=width, height=10, aria_hidden="true")
    return element("span", drawing, f" {label}", class_="legend")


def signed(value: float, digits: int = 2) -> str:
    """A number with a real minus."""
    return f"{value:.{digits}f}".replace("-", "−")


def _axes(x: Axis, y: Axis) -> list[Markup]:
    """Grid, ticks, their numbers and the label of x."""
    right, bottom, parts = WIDTH - RIGHT, HEIGHT - BOTTOM, []
    if y.power:
        factor = f"×10{scales.superscript(y.power)}"
        parts.append(element("text", factor, x=LEFT - 6, y=TOP - 10, text_anchor="end"))
    for value, text in y.ticks(4):
        at = round(bottom - y.share(value) * (bottom - TOP), 1)
        parts.append(element("line", x1=LEFT, x2=right, y1=at, y2=at, class_="grid"))
        parts.append(element("text", text, x=LEFT - 6, y=at + 4, text_anchor="end"))
    for value, text in x.ticks(5):
        at = round(LEFT + x.share(value) * (right - LEFT), 1)
        parts.append(element("line", x1=at, x2=at, y1=bottom, y2=bottom + 4, class_="axis"))
        anchor = "end" if at > right - 18 else "middle"
        parts.append(element("text", text, x=at, y=bottom + 16, text_anchor=anchor))
    parts.append(element("line", x1=LEFT, x2=right, y1=bottom, y2=bottom, class_="axis"))
    parts.append(element("text", x.label, x=(LEFT + right) / 2, y=HEIGHT - 6, text_anchor="middle"))
    return parts


def _line_style(number: int) -> dict[str, str | None]:
    return {"class_": f"line {colour_of(number)}", "stroke_dasharray": DASHES[number % len(DASHES)]}


def _dot(place: tuple[float, float], number: int) -> Markup:
    return element("circle", cx=place[0], cy=place[1], r=3, class_=f"fill {colour_of(number)}")


def _written(places: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in places)
