"""Chance levels against enumeration of every order, the permutation interval against relabelling by hand."""

import itertools
import math

import numpy as np
import pytest

from vatt.metrics import chance, retrieval


def all_best_ranks(relevant, size):
    """Twin: the best rank of `relevant` items in every placement among `size`."""
    return [min(places) + 1 for places in itertools.combinations(range(size), relevant)]


@pytest.mark.parametrize(("relevant", "size"), [(1, 1), (1, 6), (1, 7), (2, 7), (3, 8), (6, 8), (8, 8)])
def test_exact_levels_equal_enumeration(relevant, size):
    ranks = np.array(all_best_ranks(relevant, size))
    for k in range(1, size + 3):
        assert chance.chance_recall_at_k([relevant], size, k) == pytest.approx(np.mean(ranks <= k))
    assert chance.chance_median_rank([relevant], size) == np.median(ranks)
    assert chance.chance_mean_rank([relevant], size) == pytest.approx(np.mean(ranks))
    assert chance.chance_mean_rank([relevant], size) == pytest.approx((size + 1) / (relevant + 1))


def test_queries_with_different_numbers_of_answers_are_averaged():
    one, four = all_best_ranks(1, 9), all_best_ranks(4, 9)
    # Two queries with one answer and one with four: the least common multiple makes the mixture exact.
    mixture = np.array(2 * one * (len(four) // 9) + four)
    assert len(one) == 9 and len(four) == 126
    assert chance.chance_recall_at_k([1, 4, 1], 9, 3) == pytest.approx(np.mean(mixture <= 3))
    assert chance.chance_median_rank([1, 4, 1], 9) == np.median(mixture)
    assert chance.chance_mean_rank([1, 4, 1], 9) == pytest.approx(np.mean(mixture))


def test_large_galleries_stay_exact():
    expected = 1 - math.comb(100_000 - 3, 10) / math.comb(100_000, 10)
    assert chance.chance_recall_at_k([3], 100_000, 10) == pytest.approx(expected, rel=1e-9)


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="counts from 0 to 2"):
        chance.chance_recall_at_k([0, 2], 5, 1)
    with pytest.raises(ValueError, match="counts from 6 to 6"):
        chance.chance_mean_rank([6], 5)


def clustered(seed, groups=6, size=4, width=5):
    rng = np.random.default_rng(seed)
    ids = np.repeat(np.arange(groups), size)
    queries = rng.normal(size=(groups, width))[ids] + 0.2 * rng.normal(size=(groups * size, width))
    gallery = rng.normal(size=(groups, width))[ids] + 0.2 * rng.normal(size=(groups * size, width))
    gallery[3] = gallery[9]  # a tie across groups
    return queries, gallery, ids


@pytest.mark.parametrize("k", [1, 3, 5])
def test_group_hits_equal_relabelling_and_ranking_again(k):
    queries, gallery, ids = clustered(0)
    shuffled = np.random.default_rng(5).permutation(len(ids))  # gallery order must not matter
    hits = chance.group_hits(queries, gallery[shuffled], ids, ids[shuffled], k=k, block_rows=7)
    for shift in range(6):
        relabelled = (ids + shift) % 6
        ranks = retrieval.ranks_from_embeddings(queries, gallery, relabelled, ids)
        assert sum(hits[g, (g + shift) % 6] for g in range(6)) == np.count_nonzero(ranks <= k)


def test_the_interval_equals_quantiles_of_relabelled_recalls():
    queries, gallery, ids = clustered(1)
    low, high = chance.permutation_interval(queries, gallery, ids, ids, k=3, permutations=200, seed=4)
    generator = np.random.default_rng(4)
    recalls = [
        retrieval.recall_at_k(retrieval.ranks_from_embeddings(queries, gallery, labels[ids], ids), 3)
        for labels in generator.permuted(np.tile(np.arange(6), (200, 1)), axis=1)
    ]
    assert low == np.quantile(recalls, 0.005, method="lower")
    assert high == np.quantile(recalls, 0.995, method="higher")
    assert (low, high) == chance.permutation_interval(
        queries, gallery, ids, ids, k=3, permutations=200, seed=4
    )


def test_a_model_that_learnt_lies_outside_and_most_that_did_not_lie_inside():
    inside = 0
    for seed in range(40):
        queries, gallery, ids = clustered(seed, groups=12)
        low, high = chance.permutation_interval(queries, gallery, ids, ids, k=5)
        observed = retrieval.recall_at_k(retrieval.ranks_from_embeddings(queries, gallery, ids, ids), 5)
        inside += low <= observed <= high
    assert inside >= 37  # 99 % of 40, less three standard deviations
    low, high = chance.permutation_interval(queries, queries, ids, ids, k=1)
    assert high < 1.0


def test_bad_arguments_are_refused():
    eye, ids = np.eye(3), np.arange(3)
    with pytest.raises(ValueError, match="`confidence`"):
        chance.permutation_interval(eye, eye, ids, ids, k=1, confidence=99)
    with pytest.raises(ValueError, match="`permutations`"):
        chance.permutation_interval(eye, eye, ids, ids, k=1, permutations=0)
