"""Calibration by hand and against scikit-learn."""

import numpy as np
import pytest
from scipy import special
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from vatt.metrics import calibration


def drawn(count=500, seed=0):
    random = np.random.default_rng(seed)
    scores = random.normal(size=count)
    return scores, (random.random(count) < special.expit(3 * scores - 1)).astype(float)


def test_the_calibration_error_by_hand():
    probabilities, outcomes = [0.05, 0.1, 0.65, 0.7, 1.0], [0, 1, 1, 0, 1]
    bins = calibration.reliability(probabilities, outcomes, bins=10)
    # 0.1 belongs to (0, 0.1], 0.7 to (0.6, 0.7].
    assert [(each.count, each.observed) for each in bins] == [(2, 0.5), (2, 0.5), (1, 1.0)]
    assert [each.stated for each in bins] == pytest.approx([0.075, 0.675, 1.0])
    error = calibration.expected_calibration_error(bins)
    assert error == pytest.approx((2 * 0.425 + 2 * 0.175 + 0) / 5)


def test_bins_equal_scikit_learn_s():
    scores, outcomes = drawn()
    probabilities = special.expit(scores)
    bins = calibration.reliability(probabilities, outcomes, bins=12)
    observed, stated = calibration_curve(outcomes, probabilities, n_bins=12, strategy="uniform")
    np.testing.assert_allclose([each.observed for each in bins], observed)
    np.testing.assert_allclose([each.stated for each in bins], stated)
    assert sum(each.count for each in bins) == 500
    assert calibration.brier_score(probabilities, outcomes) == pytest.approx(
        brier_score_loss(outcomes, probabilities)
    )


def test_bins_of_equal_mass_keep_equal_values_together():
    values = np.concatenate([np.full(50, 0.2), np.linspace(0.3, 1, 50)])
    bins = calibration.equal_mass_bins(values, np.arange(100) % 2, bins=10)
    assert bins[0].count == 50 and bins[0].stated == pytest.approx(0.2)
    assert {each.count for each in bins[1:]} <= {9, 10, 11}
    even = calibration.equal_mass_bins(np.arange(90.0), np.zeros(90), bins=9)
    assert [each.count for each in even] == [10] * 9


@pytest.mark.parametrize("shift", [0.0, 50.0])  # scores far from 0
def test_the_logistic_map_equals_scikit_learn_s_with_platt_s_targets(shift):
    scores, outcomes = drawn()
    right = outcomes.sum()
    targets = np.where(outcomes > 0, (right + 1) / (right + 2), 1 / (500 - right + 2))
    twin = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        np.concatenate([scores, scores])[:, None],
        np.repeat([1, 0], 500),
        sample_weight=np.concatenate([targets, 1 - targets]),
    )
    slope, offset = calibration.fit_logistic(scores + shift, outcomes)
    assert slope == pytest.approx(twin.coef_[0, 0], rel=1e-4)
    assert offset == pytest.approx(twin.intercept_[0] - shift * slope, rel=1e-4, abs=1e-4)
    np.testing.assert_allclose(
        calibration.logistic(scores + shift, slope, offset),
        twin.predict_proba(scores[:, None])[:, 1],
        atol=1e-5,
    )


def test_scores_that_tell_apart_without_error_have_a_finite_map():
    slope, offset = calibration.fit_logistic([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])
    assert 0 < slope < 1e3
    probabilities = calibration.logistic([0.1, 0.9], slope, offset)
    np.testing.assert_allclose(probabilities, [1 / 4, 3 / 4], atol=0.05)  # Platt's targets
    assert calibration.fit_logistic([0.5, 0.5], [0, 1])[0] == pytest.approx(0.0, abs=1e-6)
    with pytest.raises(ValueError, match="3 right and 0 wrong"):
        calibration.fit_logistic([1, 2, 3], [1, 1, 1])


def test_confidence_is_that_of_the_whole_group_of_the_first():
    scores = np.log(np.array([[0.5, 0.2, 0.3], [0.1, 0.6, 0.3]]))
    groups = np.array([7, 7, 8])
    np.testing.assert_allclose(calibration.first_confidence(scores, groups, 1.0), [0.7, 0.7])
    np.testing.assert_allclose(calibration.first_confidence(scores, np.arange(3), 1.0), [0.5, 0.6])


def test_the_temperature_is_the_likeliest():
    random = np.random.default_rng(3)
    scores = random.normal(size=(400, 9))
    answers = np.array([random.choice(9, p=row) for row in special.softmax(scores / 0.3, axis=1)])
    right = np.eye(9, dtype=bool)[answers]
    right[:, 0] |= right[:, 1]  # two items that answer alike

    def loss(temperature):
        probabilities = special.softmax(scores / temperature, axis=1)
        return -np.log((probabilities * right).sum(axis=1)).mean()

    fitted = calibration.fit_temperature(scores, right)
    grid = np.linspace(0.1, 1, 500)
    assert fitted == pytest.approx(grid[np.argmin([loss(each) for each in grid])], abs=2e-3)
    assert 0.2 < fitted < 0.4


def test_what_is_no_probability_is_refused():
    for wrong in ([], [0.5, 1.2], [np.nan]):
        with pytest.raises(ValueError, match=r"be in \[0, 1\]"):
            calibration.reliability(wrong, np.zeros(len(wrong)))
