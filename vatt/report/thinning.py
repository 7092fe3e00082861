"""Long series made short without losing a spike: slots with the mean, the least and the greatest value."""

import dataclasses
import math

import numpy as np

SLOTS = 150  # points of a line: more than one for 3 units of the drawing's width is not seen


@dataclasses.dataclass(frozen=True)
class Slot:
    """Some consecutive points of a series.

    Args:
        first, last: their steps.
        step: mean of the steps.
        mean, low, high: of the finite values; NaN where there is none.
    """

    first: int
    last: int
    step: float
    mean: float
    low: float
    high: float

    @property
    def is_empty(self) -> bool:
        return math.isnan(self.mean)


def thin(points) -> list[Slot]:
    """At most `SLOTS` slots of about equally many points.

    Args:
        points: [N, 2], step and value, steps rising.
    """
    table = np.asarray(points, np.float64).reshape(-1, 2)
    count = min(SLOTS, len(table))
    bounds = [round(i * len(table) / count) for i in range(count + 1)] if count else []
    return [_slot(table[first:last]) for first, last in zip(bounds, bounds[1:], strict=False)]


def _slot(points: np.ndarray) -> Slot:
    steps, values = points[:, 0], points[:, 1]
    values = values[np.isfinite(values)]
    if len(values):
        mean, low, high = float(values.mean()), float(values.min()), float(values.max())
    else:
        mean = low = high = math.nan
    return Slot(int(steps[0]), int(steps[-1]), float(steps.mean()), mean, low, high)


def stretches(slots: list[Slot]) -> list[list[Slot]]:
    """The slots between those that are empty."""
    found: list[list[Slot]] = [[]]
    for slot in slots:
        if slot.is_empty:
            found.append([])
        else:
            found[-1].append(slot)
    return [stretch for stretch in found if stretch]
