import numpy as np
import pytest

from vatt.data import order as order_ops


def examples_at(positions, **options):
    return order_ops.examples_at(np.asarray(positions, np.int64), **options).numpy()


@pytest.mark.parametrize("size", [1, 2, 3, 5, 16, 17, 1000, 4097])
def test_each_epoch_holds_every_example_once(size):
    stream = examples_at(np.arange(3 * size), size=size, seed=7).reshape(3, size)
    np.testing.assert_array_equal(np.sort(stream, axis=1), np.tile(np.arange(size), (3, 1)))


def test_epochs_and_seeds_differ():
    size = 1000
    first = examples_at(np.arange(2 * size), size=size, seed=0)
    other = examples_at(np.arange(2 * size), size=size, seed=1)
    # Two independent permutations agree at about one place.
    assert (first[:size] == first[size:]).sum() < 10
    assert (first == other).sum() < 15
    assert (first[:size] == np.arange(size)).sum() < 10


def test_neighbours_in_the_set_are_spread_over_the_epoch():
    size = 20_000
    stream = examples_at(np.arange(size), size=size, seed=3)
    # A uniform permutation has mean distance size / 3 and no correlation between position and example.
    assert abs(np.abs(np.diff(stream)).mean() - size / 3) < 0.02 * size
    assert abs(np.corrcoef(np.arange(size), stream)[0, 1]) < 0.03


def test_small_sets_reach_every_order():
    orders = {tuple(examples_at(np.arange(3), size=3, seed=seed)) for seed in range(200)}
    assert len(orders) == 6


def test_positions_are_independent_of_each_other():
    size, positions = 1 << 40, np.asarray([[0, 5, 1 << 40], [123_456_789, 1 << 41, (1 << 62) - 1]])
    together = examples_at(positions, size=size, seed=-5)
    alone = [examples_at(position, size=size, seed=-5) for position in positions.ravel()]
    np.testing.assert_array_equal(together.ravel(), alone)
    assert together.dtype == np.int64 and together.shape == positions.shape
    assert together.min() >= 0 and together.max() < size


def test_the_order_is_frozen():
    # A run resumed by a later version must meet the same clips: these numbers must never change.
    np.testing.assert_array_equal(
        examples_at(np.arange(8), size=100, seed=0), [56, 72, 35, 28, 74, 3, 33, 44]
    )


@pytest.mark.parametrize("size", [0, (1 << 40) + 1])
def test_refuses_impossible_sizes(size):
    with pytest.raises(ValueError, match="between 1 and 2"):
        examples_at([0], size=size, seed=0)
