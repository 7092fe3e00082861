"""Kernel density against SciPy's."""

import numpy as np
import pytest
from scipy.stats import gaussian_kde

from vatt.metrics import density


@pytest.mark.parametrize("count", [2, 30, 3000])
def test_it_equals_scipy_by_scott_s_rule_and_by_a_given_width(count, monkeypatch):
    monkeypatch.setattr(density, "_BLOCK", 5000)  # several blocks
    samples = np.random.default_rng(count).normal(0.2, 0.3, count)
    points = np.linspace(-1.5, 1.5, 67)
    np.testing.assert_allclose(
        density.kernel_density(samples, points), gaussian_kde(samples, "scott")(points), rtol=1e-9
    )
    twin = gaussian_kde(samples, bw_method=0.05 / samples.std(ddof=1))
    np.testing.assert_allclose(
        density.kernel_density(samples, points, bandwidth=0.05), twin(points), rtol=1e-9
    )


def test_overlap_is_the_area_under_both():
    points = np.linspace(-9, 9, 4001)
    left, same, far = (density.kernel_density([place], points, bandwidth=1.0) for place in (0.0, 0.0, 2.0))
    assert density.overlap(left, same, points) == pytest.approx(1.0, abs=1e-6)
    # Two normal densities two deviations apart meet half-way: twice the tail beyond one.
    assert density.overlap(left, far, points) == pytest.approx(2 * 0.1586553, abs=1e-5)


def test_what_has_no_density_is_refused():
    with pytest.raises(ValueError, match="at least one sample.*Received: 0"):
        density.kernel_density([], [0.0])
    with pytest.raises(ValueError, match="1 of them not finite"):
        density.kernel_density([0.0, np.nan], [0.0])
    with pytest.raises(ValueError, match="all equal"):
        density.kernel_density([0.3, 0.3], [0.0])
