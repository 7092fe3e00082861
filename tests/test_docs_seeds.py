"""Figures of three seeds stand with the interval that follows from them."""

import re
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

ROOT = Path(__file__).parents[1]
FIGURES = re.compile(
    r"(\d+\.\d) / (\d+\.\d) / (\d+\.\d) %[,;| ]+(?:mean )?(\d+\.\d), "
    r"(?:95 % interval )?(\d+\.\d) to (\d+(?:\.\d)?)"
)


MINIMUM = {"README.md": 2}  # of figures; 4 elsewhere


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "docs/results.md",
        "docs/comparisons.md",
        "benchmarks/RESULTS.md",
        "experiments/pretrain.gin",
    ],
)
def test_mean_and_interval_are_those_of_the_seeds(name):
    found = FIGURES.findall((ROOT / name).read_text(encoding="utf-8"))
    assert len(found) >= MINIMUM.get(name, 4)
    for *seeds, mean, low, high in (map(float, each) for each in found):
        half = scipy.stats.t.ppf(0.975, 2) * scipy.stats.sem(seeds)
        # Seeds stand rounded to 0.05, which their spread magnifies.
        assert mean == pytest.approx(np.mean(seeds), abs=0.11), seeds
        bounds = (max(np.mean(seeds) - half, 0), min(np.mean(seeds) + half, 100))
        assert (low, high) == pytest.approx(bounds, abs=0.3), seeds
