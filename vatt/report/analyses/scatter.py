"""Points in a plane without axes, by category: what t-SNE gives has no unit and no direction."""

from collections.abc import Sequence

from vatt.report.analyses.palette import legend, marks
from vatt.report.markup import Markup, element

_SIZE, _ROOM = 340, 10
MOST_NAMED = 12  # categories that a legend names; of more, the pointer says which


def scatter(title: str, points: Sequence[Sequence[float]], categories: Sequence[int], names: Sequence[str]):
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
    drawn = [
        marks(number, places, f"{name} · {len(places):,}", few=few)
        for number, (name, places) in enumerate(zip(names, members, strict=True))
        if places
    ]
    counts = f"{len(points):,} points of {sum(map(bool, members))} categories"
    entries: list[Markup] = [
        legend(number, name, few=True) for number, name in enumerate(names) if few and members[number]
    ]
    return element(
        "figure",
        element("figcaption", element("b", title), entries),
        element(
            "svg",
            drawn,
            viewBox=f"0 0 {_SIZE} {_SIZE}",
            role="img",
            aria_label=f"{title}: {counts}",
            class_="chart",
        ),
        None if few else element("p", f"{counts}; the pointer on a mark says which.", class_="note"),
    )


def _place(value: float) -> float:
    return round(_ROOM + (value + 1) / 2 * (_SIZE - 2 * _ROOM), 1)
