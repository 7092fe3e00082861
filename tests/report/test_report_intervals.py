"""Intervals: published values, a naive twin, and how often they hold the truth."""

import numpy as np
import pytest

from vatt.report.intervals import (
    difference_interval,
    mean_difference_interval,
    paired_difference_interval,
    wilson_interval,
)


def test_wilson_interval_equals_published_values():
    assert wilson_interval(0.5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson_interval(0.0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    low, high = wilson_interval(1.0, 144)
    assert low == pytest.approx(0.9740, abs=1e-4) and high == 1.0
    with pytest.raises(ValueError, match="at least one trial"):
        wilson_interval(0.5, 0)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ((48, 80), (56, 70), (0.0524, 0.3339)),
        ((3, 10), (9, 10), (0.1705, 0.8090)),
        ((0, 10), (10, 10), (0.6075, 1)),
    ],
)
def test_difference_interval_equals_newcombes_table(left, right, expected):
    found = difference_interval(left[0] / left[1], left[1], right[0] / right[1], right[1])
    assert found == pytest.approx(expected, abs=1e-4)


def test_paired_interval_is_walds_after_half_a_trial_in_each_cell():
    left = [True] * 50 + [True] * 4 + [False] * 11 + [False] * 35
    right = [True] * 50 + [False] * 4 + [True] * 11 + [False] * 35
    table = np.array([[50, 4], [11, 35]]) + 0.5
    share = table / table.sum()
    middle = share[1, 0] - share[0, 1]
    spread = np.sqrt((share[1, 0] + share[0, 1] - middle**2) / table.sum())
    assert paired_difference_interval(left, right) == pytest.approx(
        (middle - 1.959964 * spread, middle + 1.959964 * spread)
    )
    same = paired_difference_interval(left, left)
    assert same[0] == pytest.approx(-same[1]) and same[0] < 0
    with pytest.raises(ValueError, match="as many on both sides"):
        paired_difference_interval([True], [True, False])


def test_the_intervals_hold_the_truth_nineteen_times_in_twenty():
    draw = np.random.default_rng(0)
    clips, rounds, held, held_paired = 60, 2000, 0, 0
    for _ in range(rounds):
        hard = draw.random(clips)  # what is hard for one run is hard for the other
        left, right = hard + 0.2 * draw.normal(size=clips) < 0.6, hard + 0.2 * draw.normal(size=clips) < 0.75
        low, high = paired_difference_interval(left, right)
        held_paired += low <= TRUTH <= high
        low, high = difference_interval(left.mean(), clips, (draw.random(clips) < 0.3).mean(), clips)
        held += low <= 0.3 - SHARE <= high
    assert 0.93 < held_paired / rounds < 0.98
    assert 0.93 < held / rounds < 0.99


# Of the draws above, from a million of them.
_HARD, _NOISE = np.random.default_rng(1).random(10**6), np.random.default_rng(2).normal(size=10**6)
SHARE = float((_HARD + 0.2 * _NOISE < 0.6).mean())
TRUTH = float((_HARD + 0.2 * _NOISE < 0.75).mean()) - SHARE


def test_mean_difference_interval():
    low, high = mean_difference_interval([1.0, 2.0, 3.0, 4.0])
    half = 1.959964 * np.std([1, 2, 3, 4], ddof=1) / 2
    assert (low, high) == pytest.approx((2.5 - half, 2.5 + half))
    with pytest.raises(ValueError, match="at least two"):
        mean_difference_interval([1.0])
