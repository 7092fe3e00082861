"""Points in a plane without axes, by category: what t-SNE gives has no unit and no direction."""

from collections.abc import Sequence

from vatt.report.markup import Markup, element
from vatt.report.plot import COLOURS, colour_of, figure, legend

_SIZE, _ROOM = 340, 10
MOST_NAMED = 12  # categories that a legend names; of more, the pointer says which

# Of each category's marks: around the point that stands before them, and whether they are filled. With the
# colours, 100 classes differ, the first ones being the plainest.
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


def scatter(
    title: str, points: Sequence[Sequence[float]], categories: Sequence[int], names: Sequence[str]
) -> Markup:
    """A figure of points in [−1, 1]², by category number.

    Args:
        points: (x, y).
        categories: of each point, in [0, len(names)).
    """
    few = len(names) <= MOST_NAMED
    members: list[list[tuple[float, float]]] = [[] for _ in names]
    for (x, y), category in zip(points, categories, strict=True):
        members[category].append((_place(x), _place(-y)))
    held = [(number, names[number], places) for number, places in enumerate(members) if places]
    drawn = [marks(number, places, f"{name} · {len(places):,}", few=few) for number, name, places in held]
    counts = f"{len(points):,} points of {len(held)} categories"
    legends = [legend(marks(number, [(5, 5)], None, few=True), name) for number, name, _ in held if few]
    notes = [] if few else [f"{counts}; the pointer on a mark says which."]
    return figure(title, drawn, (_SIZE, _SIZE), legends, notes, spoken=f"{title}: {counts}")


def marks(category: int, points: Sequence[tuple[float, float]], title: str | None, *, few: bool) -> Markup:
    """All marks of a category in one path, with a title under the pointer.

    Args:
        points: (x, y) in user units.
        title: its text; None disables.
        few: whether categories are so few that each has a colour, and thus a shape, of its own.
    """
    shape, kind = _SHAPES[(category if few else category // COLOURS) % len(_SHAPES)]
    return element(
        "path",
        element("title", title) if title else None,
        d="".join(f"M{x:g} {y:g}{shape}" for x, y in points),
        class_=f"marks {kind} {colour_of(category)}",
    )


def _place(value: float) -> float:
    return round(_ROOM + (value + 1) / 2 * (_SIZE - 2 * _ROOM), 1)
