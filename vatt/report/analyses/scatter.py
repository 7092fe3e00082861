"""Points in a plane without axes, by category: what t-SNE gives has no unit and no direction."""

from collections.abc import Sequence

from vatt.report.markup import Markup
from vatt.report.palette import marks
from vatt.report.plot import figure, legend

_SIZE, _ROOM = 340, 10
MOST_NAMED = 12  # categories that a legend names; of more, the pointer says which


def scatter(
    title: str, points: Sequence[Sequence[float]], categories: Sequence[int], names: Sequence[str]
) -> Markup:
    """A figure of points in [−1, 1]², by category number.

    Args:
        title: of the figure.
        points: (x, y).
        categories: of each point, in [0, len(names)).
        names: of the categories.
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


def _place(value: float) -> float:
    return round(_ROOM + (value + 1) / 2 * (_SIZE - 2 * _ROOM), 1)
