"""Schedules: the paper's numbers, and no NaN at the ends."""

import json
import math

import numpy as np
import pytest

from tests.goldens import GOLDEN
from vatt.optimizers import schedules


def rates(schedule, steps):
    return np.array([float(schedule(step)) for step in steps])


def test_quarter_cosine_is_the_papers():
    schedule = schedules.warmup_quarter_cosine(steps=500_000)
    np.testing.assert_allclose(rates(schedule, [0, 5_000, 10_000]), [0.0, 5e-5, 1e-4], rtol=1e-6)
    middle = 5e-5 + 5e-5 * math.cos(math.pi / 4)
    np.testing.assert_allclose(rates(schedule, [255_000, 500_000, 600_000]), [middle, 5e-5, 5e-5], rtol=1e-5)


def test_half_cosine_ends_flat_at_zero():
    schedule = schedules.warmup_half_cosine(steps=100, peak=0.2, warmup_steps=10)
    np.testing.assert_allclose(rates(schedule, [10, 55, 100]), [0.2, 0.1, 0.0], atol=1e-7)


def test_constant_stays():
    np.testing.assert_allclose(rates(schedules.constant(peak=0.3), [0, 1, 10**6]), 0.3, rtol=1e-6)
    np.testing.assert_allclose(
        rates(schedules.constant(peak=0.3, warmup_steps=3), [1, 3]), [0.1, 0.3], rtol=1e-6
    )


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0), (5, 5), (5, 50), (5, 0)])
def test_no_segment_of_length_zero(steps, warmup):
    found = rates(schedules.warmup_quarter_cosine(steps=steps, warmup_steps=warmup), range(steps + 2))
    assert np.isfinite(found).all()
    assert (found <= 1e-4 * (1 + 1e-6)).all()


def test_the_configuration_rebuilds_the_schedule():
    schedule = schedules.warmup_half_cosine(steps=100, peak=0.2, end=0.1, warmup_steps=10)
    twin = schedules.WarmupDecay.from_config(schedule.get_config())
    np.testing.assert_array_equal(rates(schedule, range(0, 110, 7)), rates(twin, range(0, 110, 7)))
    with pytest.raises(ValueError, match="must not be negative"):
        schedules.constant(peak=1.0, warmup_steps=-1)


RELEASED = {
    "pretrain_step_cosine": lambda: schedules.step_cosine(),
    "finetune_cosine": lambda: schedules.warmup_half_cosine(steps=100_000, peak=0.005),
    "three_levels": lambda: schedules.step_cosine(
        levels=(1e-3, 5e-4, 1e-4, 0.0), steps=(100, 1000, 2000, 3000)
    ),
}


@pytest.mark.parametrize("name", RELEASED)
def test_the_releases_numbers(name):
    golden = json.loads((GOLDEN / "schedules.json").read_text())[name]
    schedule = RELEASED[name]()
    for step, expected in golden.items():
        found = float(schedule(int(step)))
        if expected is None:  # NaN there; here the last level stays
            assert found == pytest.approx(schedule.levels[-1], rel=1e-6)
        else:
            assert found == pytest.approx(expected, rel=1e-4, abs=2e-9), step


def test_linear():
    schedule = schedules.warmup_linear(steps=110, peak=1.0, end=0.5, warmup_steps=10)
    np.testing.assert_allclose(rates(schedule, [0, 5, 10, 60, 110, 200]), [0, 0.5, 1, 0.75, 0.5, 0.5])


def test_levels_without_a_warm_up_and_wrong_ones():
    np.testing.assert_allclose(
        rates(schedules.step_cosine(levels=(1.0, 0.5), steps=(0, 2)), [0, 1, 2]), [1, 0.75, 0.5]
    )
    for steps in ((5, 5), (5,), (-1, 3)):
        with pytest.raises(ValueError, match="steps must rise"):
            schedules.step_cosine(levels=(1.0, 0.5), steps=steps)
