"""95 % intervals of shares, and of the difference between two shares."""

import math
from collections.abc import Sequence

import numpy as np

Z_95 = 1.959964  # two-sided 95 % of the normal distribution


def wilson_interval(fraction: float, count: int) -> tuple[float, float]:
    """95 % interval of a fraction seen in `count` trials (Wilson 1927): honest near 0 and 1."""
    if count < 1:
        raise ValueError(f"An interval needs at least one trial. Received: count={count}.")
    square = Z_95**2 / count
    middle = (fraction + square / 2) / (1 + square)
    half = Z_95 * math.sqrt(fraction * (1 - fraction) / count + square / (4 * count)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def difference_interval(left: float, left_count: int, right: float, right_count: int) -> tuple[float, float]:
    """95 % interval of `right - left`, fractions seen in trials of their own (Newcombe 1998, method 10)."""
    left_low, left_high = wilson_interval(left, left_count)
    right_low, right_high = wilson_interval(right, right_count)
    difference = right - left
    down = math.hypot(right - right_low, left_high - left)
    up = math.hypot(right_high - right, left - left_low)
    return difference - down, difference + up


def paired_difference_interval(left: Sequence[bool], right: Sequence[bool]) -> tuple[float, float]:
    """95 % interval of the difference of two shares on the same trials, right minus left.

    Only trials that come out differently say anything about the difference. Wald's interval after half a
    trial is added to each of the four counts (Agresti, Min 2005), which keeps its promise in small samples.
    """
    if len(left) != len(right) or not len(left):
        raise ValueError(
            f"Pairs must be as many on both sides, and some. Received: {len(left)} and {len(right)}."
        )
    gained = 0.5 + sum(after and not before for before, after in zip(left, right, strict=True))
    lost = 0.5 + sum(before and not after for before, after in zip(left, right, strict=True))
    count = len(left) + 2
    middle = (gained - lost) / count
    half = Z_95 * math.sqrt(gained + lost - (gained - lost) ** 2 / count) / count
    return max(-1.0, middle - half), min(1.0, middle + half)


def mean_difference_interval(differences: Sequence[float]) -> tuple[float, float]:
    """95 % interval of the mean of paired differences, by the normal distribution: for some dozen or more."""
    values = np.asarray(differences, np.float64)
    if values.size < 2:
        raise ValueError(f"A spread needs at least two differences. Received: {values.size}.")
    half = Z_95 * float(values.std(ddof=1)) / math.sqrt(values.size)
    return float(values.mean()) - half, float(values.mean()) + half
