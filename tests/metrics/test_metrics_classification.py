"""Accuracy, average precision, AUC and d-prime against scikit-learn, hand-made cases and the original's
numbers."""

import pathlib

import numpy as np
import pytest
import sklearn.metrics

from vatt.metrics import classification

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "metrics.npz"


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as file:
        return dict(file)


def test_top_k_equals_the_original(golden):
    ranks = classification.ranks_of_labels(golden["acc/pred"], golden["acc/labels"][:, 0])
    assert classification.top_k_accuracy(ranks, 1) == golden["acc/top1"]
    assert classification.top_k_accuracy(ranks, 5) == golden["acc/top5"]


def test_the_means_over_classes_equal_the_original(golden):
    ranking = classification.rank_classes(golden["map/pred"], golden["map/gt"])
    assert ranking.mean_average_precision == pytest.approx(float(golden["map/mAP"]), abs=1e-12)
    assert ranking.mean_auc == pytest.approx(float(golden["map/AUC"]), abs=1e-12)
    assert ranking.mean_d_prime == pytest.approx(float(golden["map/d-prime"]), abs=1e-12)


def test_the_two_d_primes_differ_as_in_the_paper():
    """Table 2 has an AUC of 97.1, of which alone d-prime would be 2.68 and not 2.895."""
    assert classification.d_prime(0.971, 10**6) == pytest.approx(2.68, abs=0.005)
    ranking = classification.rank_classes(
        np.array([[0.9, 0.9], [0.8, 0.4], [0.3, 0.8], [0.1, 0.5]]),
        np.array([[1, 1], [1, 0], [0, 0], [0, 1]]),
    )
    np.testing.assert_allclose(ranking.auc, [1.0, 0.75])
    half_a_pair = classification.d_prime(1 - 0.5 / 4, 4)
    assert ranking.mean_d_prime == pytest.approx((half_a_pair + classification.d_prime(0.75, 4)) / 2)
    assert ranking.d_prime_of_mean_auc == pytest.approx(classification.d_prime(0.875, 8))


@pytest.mark.parametrize("seed", range(4))
def test_every_class_equals_scikit_learn_with_many_ties(seed):
    rng = np.random.default_rng(seed)
    labels = (rng.random((50, 7)) < 0.3).astype(int)
    scores = (rng.integers(0, 5, (50, 7)) / 4 + 0.2 * labels).round(1)
    ranking = classification.rank_classes(scores, labels)
    np.testing.assert_allclose(
        ranking.average_precision,
        sklearn.metrics.average_precision_score(labels, scores, average=None),
        rtol=1e-12,
    )
    np.testing.assert_allclose(
        ranking.auc, sklearn.metrics.roc_auc_score(labels, scores, average=None), rtol=1e-12
    )
    shuffled = rng.permutation(50)
    again = classification.rank_classes(scores[shuffled], labels[shuffled])
    np.testing.assert_array_equal(again.auc, ranking.auc)


@pytest.mark.parametrize("k", [1, 3])
def test_top_k_equals_scikit_learn_without_ties(k):
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(60, 6)), rng.integers(0, 6, 60)
    found = classification.top_k_accuracy(classification.ranks_of_labels(scores, labels), k)
    assert found == sklearn.metrics.top_k_accuracy_score(labels, scores, k=k, labels=range(6))


def test_ties_count_against_the_model():
    assert classification.ranks_of_labels(np.zeros((3, 4)), np.arange(3)).tolist() == [4, 4, 4]
    assert classification.ranks_of_labels(np.array([[0.5, 0.5, 0.1]]), np.array([1])).tolist() == [2]
    ranking = classification.rank_classes(np.zeros((4, 1)), np.array([[1], [0], [0], [0]]))
    assert ranking.auc.tolist() == [0.5] and ranking.average_precision.tolist() == [0.25]


def test_classes_that_nothing_or_everything_carries_are_left_out_and_counted():
    labels = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 1]])
    ranking = classification.rank_classes(
        np.array([[0.9, 0.5, 0.1], [0.1, 0.5, 0.2], [0.8, 0.5, 0.3]]), labels
    )
    assert ranking.counted == 1 and ranking.positives.tolist() == [2, 0, 3]
    assert ranking.mean_average_precision == ranking.mean_auc == 1.0
    assert np.isfinite(ranking.mean_d_prime) and np.isnan(ranking.d_prime[1:]).all()
    with pytest.raises(ValueError, match="At least one class .*3 clips"):
        classification.rank_classes(np.ones((3, 2)), labels[:, 1:])


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        (np.zeros((0, 3)), np.zeros(0, int), "must be a matrix"),
        (np.full((2, 3), np.nan), np.zeros(2, int), "NaN at clip 0, class 0"),
        (np.zeros((2, 3)), np.array([0, 3]), r"be in \[0, 3\)"),
        (np.zeros((2, 3)), np.zeros((2, 3), int), "one class number per row"),
    ],
)
def test_what_cannot_be_ranked_is_refused(scores, labels, message):
    with pytest.raises(ValueError, match=message):
        classification.ranks_of_labels(scores, labels)


def test_labels_of_several_classes_must_be_0_or_1():
    with pytest.raises(ValueError, match="0 or 1"):
        classification.rank_classes(np.zeros((2, 2)), np.full((2, 2), 0.5))
    with pytest.raises(ValueError, match="0 or 1"):
        classification.rank_classes(np.zeros((2, 2)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="`k`"):
        classification.top_k_accuracy(np.ones(3), 0)
