"""Colours and shapes of categories: so many that 100 classes differ, with the first ones the plainest."""

from vatt.report.markup import Markup, element

COLOURS = 8
# Okabe and Ito's eight; yellow and black make room for what is seen on white, and their dark twins on black.
LIGHT = ("#0072b2", "#d55e00", "#009e73", "#b8549a", "#b07800", "#3a9fd8", "#7b6ad0", "#4d5358")
DARK = ("#4aa8e8", "#ff8b4d", "#35c79a", "#e79ccb", "#edb73f", "#8dd0f8", "#b3a6f7", "#c9ced4")

# Around the point that stands before them, and whether they are filled.
_SHAPES = (
    ("h0", "dot"),
    ("m0-4l3.6 6.4h-7.2z", "fill"),
    ("m-2.9-2.9h5.8v5.8h-5.8z", "fill"),
    ("m0-4.2l4.2 4.2-4.2 4.2-4.2-4.2z", "fill"),
    ("m0 4l3.6-6.4h-7.2z", "fill"),
    ("m-3.6 0h7.2m-3.6-3.6v7.2", "open"),
    ("m-2.8-2.8l5.6 5.6m0-5.6l-5.6 5.6", "open"),
    ("m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0", "open"),
    ("m0-4l3.6 6.4h-7.2z", "open"),
    ("m-2.9-2.9h5.8v5.8h-5.8z", "open"),
    ("m0-4.2l4.2 4.2-4.2 4.2-4.2-4.2z", "open"),
    ("m0 4l3.6-6.4h-7.2z", "open"),
    ("m-3.6-2h7.2m-7.2 4h7.2", "open"),
)


def colour_of(category: int) -> str:
    """The class that gives an element a category's colour."""
    return f"m{category % COLOURS}"


def marks(category: int, points, title: str | None, *, few: bool) -> Markup:
    """All marks of a category in one path, with a title under the pointer.

    Args:
        category: number from 0.
        points: (x, y) in user units.
        title: what to say; None for nothing.
        few: whether categories are so few that each has a colour, and thus a shape, of its own.
    """
    shape, kind = _SHAPES[(category if few else category // COLOURS) % len(_SHAPES)]
    path = "".join(f"M{x:g} {y:g}{shape}" for x, y in points)
    return element(
        "path",
        element("title", title) if title else None,
        d=path,
        class_=f"marks {kind} {colour_of(category)}",
    )


def legend(category: int, label: str, *, few: bool) -> Markup:
    """A mark and its name."""
    drawing = element(
        "svg", marks(category, [(6, 6)], None, few=few), viewBox="0 0 12 12", width=12, height=12
    )
    return element("span", drawing, f" {label}", class_="legend")
