"""Where steps and values lie on a line chart, and its axes."""

from collections.abc import Callable, Sequence

import numpy as np

from vatt.report import scales
from vatt.report.markup import Markup, element
from vatt.report.thinning import Slot

WIDTH, HEIGHT = 460, 230  # user units; the drawing scales with the page
LEFT, RIGHT, TOP, BOTTOM = 50, 12, 26, 30

# A few values so far above the rest would press it flat onto the axis: they are cut off, and counted.
_CUT_SHARE = 0.02
_CUT_FACTOR = 4.0
_LEAST_SLOTS = 20


class Frame:
    """Where steps and values lie on the drawing.

    Args:
        slots: of all lines, none of them empty; at least one.
        from_zero: let the vertical axis begin at 0 if no value lies below.
    """

    def __init__(self, slots: Sequence[Slot], from_zero: bool):
        self.first, self.last = min(slot.step for slot in slots), max(slot.step for slot in slots)
        low, self.highest = min(slot.low for slot in slots), max(slot.high for slot in slots)
        high = _without_outliers(slots, low, self.highest)
        room = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
        self.low = 0.0 if from_zero and low >= 0 else low - room
        self.high = high + room
        self.is_cut = high < self.highest

    def x(self, step: float) -> float:
        share = (step - self.first) / (self.last - self.first) if self.last > self.first else 0.5
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        share = (min(value, self.high) - self.low) / (self.high - self.low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def _without_outliers(slots: Sequence[Slot], low: float, high: float) -> float:
    if len(slots) < _LEAST_SLOTS:
        return high
    usual = float(np.quantile([slot.high for slot in slots], 1 - _CUT_SHARE))
    return usual if high - low > _CUT_FACTOR * (usual - low) > 0 else high


def axes(frame: Frame, write: Callable[[float], str]) -> list[Markup]:
    """Grid, ticks and their labels."""
    bottom, parts = HEIGHT - BOTTOM, []
    power = scales.axis_power(max(abs(frame.low), abs(frame.high))) if write is scales.short else 0
    if power:
        parts.append(element("text", f"×10{scales.superscript(power)}", x=LEFT - 6, y=14, text_anchor="end"))
    for value in scales.ticks(frame.low, frame.high, 4):
        y = frame.y(value)
        parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid"))
        label = _label(value / 10.0**power, write)
        parts.append(element("text", label, x=LEFT - 6, y=y + 4, text_anchor="end"))
    for step in scales.ticks(frame.first, frame.last, 5):
        if step != int(step):
            continue
        x = frame.x(step)
        parts.append(element("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, class_="axis"))
        end = "end" if x > WIDTH - RIGHT - 18 else "start" if x < LEFT + 14 else "middle"
        parts.append(element("text", scales.count(step), x=x, y=bottom + 17, text_anchor=end))
    parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=bottom, class_="axis"))
    parts.append(element("text", "step", x=LEFT - 6, y=bottom + 17, text_anchor="end", class_="quiet"))
    return parts


def _label(value: float, write: Callable[[float], str]) -> str:
    if write is scales.short:
        return scales.tick_label(value)
    return write(value).replace(".0\u202f", "\u202f")
