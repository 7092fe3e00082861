"""Colours, dashes and shapes of categories: 100 classes differ, with the first ones the plainest.

The colours themselves are in `style.css`, from `--mark0` on: Okabe and Ito's (2008), which most colour-blind
readers can distinguish, darker or lighter as the page is.
"""

from vatt.report.markup import Markup, element

COLOURS = 8
DASHES = (None, "6 3", "2 3", "8 3 2 3", "10 4", "4 2 1 2")  # lines differ without colour, too

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
        title: its text; None disables.
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
