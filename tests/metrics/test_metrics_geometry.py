"""Gap, alignment and uniformity by hand and against naive twins."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from vatt.metrics import geometry

_random = np.random.default_rng(4)


def test_the_gap_is_the_distance_between_centres_of_unit_vectors():
    left, right = [[3.0, 0.0], [0.0, 0.5]], [[-2.0, 0.0], [0.0, -1.0]]
    assert geometry.modality_gap(left, right) == pytest.approx(np.sqrt(2))  # (½, ½) and (−½, −½)
    assert geometry.modality_gap(left, left) == 0.0
    assert geometry.modality_gap([[1.0, 0.0]], [[-7.0, 0.0]]) == 2.0


def test_alignment_is_the_mean_squared_distance_of_pairs():
    left, right = np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 0.0], [1.0, 0.0]])
    assert geometry.alignment(left, right) == pytest.approx((0 + 2) / 2)
    assert geometry.alignment(left, -left) == pytest.approx(4.0)
    with pytest.raises(ValueError, match="2 and 1 rows"):
        geometry.alignment(left, right[:1])


@pytest.mark.parametrize("count", [2, 40, 600])  # more rows than a block has
def test_uniformity_equals_the_authors_formula(count):
    vectors = _random.normal(size=(count, 5))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert geometry.uniformity(vectors) == pytest.approx(np.log(np.exp(-2 * pdist(unit) ** 2).mean()))
    assert geometry.uniformity(np.ones((count, 3))) == pytest.approx(0.0, abs=1e-12)


def test_what_can_not_be_compared_is_refused():
    with pytest.raises(ValueError, match="one space"):
        geometry.modality_gap(np.ones((2, 3)), np.ones((2, 4)))
    with pytest.raises(ValueError, match="at least one vector"):
        geometry.modality_gap(np.ones((0, 3)), np.ones((2, 3)))
    with pytest.raises(ValueError, match="at least two"):
        geometry.uniformity(np.ones((1, 3)))
