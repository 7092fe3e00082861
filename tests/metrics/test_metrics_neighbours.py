"""Neighbours against scikit-learn's, hubness against SciPy's and by hand."""

import numpy as np
import pytest
from scipy.stats import skew
from sklearn.neighbors import NearestNeighbors

from vatt.metrics import neighbours


def test_nearest_equals_scikit_learn():
    random = np.random.default_rng(0)
    queries, gallery = random.normal(size=(300, 6)), random.normal(size=(70, 6))
    twin = NearestNeighbors(n_neighbors=7, metric="cosine", algorithm="brute").fit(gallery)
    expected = twin.kneighbors(queries, return_distance=False)
    np.testing.assert_array_equal(neighbours.nearest(queries, gallery, 7), expected)


def test_of_equal_items_the_first_is_nearer():
    gallery = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 0.0], [5.0, 0.0]])
    assert neighbours.nearest([[1.0, 0.1]], gallery, 3).tolist() == [[1, 2, 3]]
    with pytest.raises(ValueError, match="from 1 to the number of items.*k=5, 4 items"):
        neighbours.nearest([[1.0, 0.0]], gallery, 5)


def test_hubness_by_hand_and_by_scipy():
    lists = np.array([[0, 1], [0, 2], [0, 1], [0, 1]])
    counts = neighbours.occurrences(lists, 4)
    assert counts.tolist() == [4, 3, 1, 0]
    figures = neighbours.hubness(counts)
    assert figures["antihubs"] == 0.25 and figures["largest_hub"] == 0.5
    assert figures["robin_hood"] == pytest.approx((2 + 1 + 1 + 2) / 2 / 8)
    many = np.random.default_rng(1).poisson(5, 500)
    assert neighbours.hubness(many)["skewness"] == pytest.approx(skew(many))
    assert neighbours.hubness(np.full(9, 3)) == {
        "skewness": 0.0,
        "antihubs": 0.0,
        "largest_hub": pytest.approx(1 / 9),
        "robin_hood": 0.0,
    }
    with pytest.raises(ValueError, match="Received: none"):
        neighbours.hubness(np.zeros(3))


def test_mutual_neighbours_are_counted_whatever_their_order():
    left, right = np.array([[0, 1, 2], [3, 4, 5]]), np.array([[2, 1, 9], [5, 3, 4]])
    assert neighbours.mutual_neighbours(left, right) == pytest.approx((2 / 3 + 1) / 2)
    with pytest.raises(ValueError, match="equal length"):
        neighbours.mutual_neighbours(left, right[:, :2])
