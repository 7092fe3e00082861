import numpy as np
import pytest

from vatt.search import exact


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(exact, "_BLOCK_ROWS", 7)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_scores_are_those_of_one_product(dtype):
    draw = np.random.default_rng(0)
    matrix = draw.normal(size=(50, 8)).astype(dtype)
    query, present = draw.normal(size=8).astype(np.float32), draw.random(50) < 0.8
    values = exact.scores(matrix, query, present)
    expected = matrix.astype(np.float64) @ query.astype(np.float64)
    np.testing.assert_allclose(values[present], expected[present], rtol=1e-5, atol=1e-5)
    assert (values[~present] == -np.inf).all() and values.dtype == np.float32


@pytest.mark.parametrize("count", [1, 3, 10, 49, 50, 99])
def test_the_best_are_those_of_a_full_sort(count):
    values = np.random.default_rng(1).integers(0, 12, 50).astype(np.float32)  # with many ties
    values[[3, 20]] = -np.inf
    order = sorted(np.flatnonzero(values > -np.inf), key=lambda row: (-values[row], row))
    assert exact.best(values, count).tolist() == order[:count]
