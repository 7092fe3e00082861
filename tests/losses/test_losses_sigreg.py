"""SIGReg against Epps and Pulley's integral, on replicas; it sees a collapse, and passes a Gaussian."""

import numpy as np
import pytest
import scipy.integrate
import tensorflow as tf

from tests.losses.replicas import on_replicas
from vatt.layers import draws
from vatt.losses.sigreg import SIGRegLoss, sigreg, unit_directions

ROWS, WIDTH, DIRECTIONS = 8, 5, 16
DRAW = np.random.default_rng(6)
LEFT = DRAW.normal(size=(ROWS, WIDTH)).astype("float32")
RIGHT = (LEFT[:, None] + DRAW.normal(size=(ROWS, 2, WIDTH))).astype("float32")
BATCH = {
    "video_mask": np.array([1, 1, 0, 1, 1, 1, 1, 1], "float32"),
    "text_mask": np.array([[1, 1], [1, 0], [1, 1], [0, 0], *[[1, 1]] * 4], "float32"),
    "example_index": np.arange(90, 90 + ROWS),
}
OUTPUTS = {"video/video_text": LEFT, "text/video_text": RIGHT.reshape(-1, WIDTH)}


def naive_sigreg(rows, directions):
    found = []
    for direction in np.asarray(directions).T:
        values = rows.astype("float64") @ direction

        def integrand(t, values=values):
            gaussian = np.exp(-(t**2) / 2)
            return np.abs(np.exp(1j * t * values).mean() - gaussian) ** 2 * gaussian

        found.append(len(rows) * scipy.integrate.quad(integrand, -3, 3)[0])
    return np.mean(found)


def naive(regularisation):
    directions = unit_directions(tf.constant(90), WIDTH, DIRECTIONS)
    left, right = LEFT[BATCH["video_mask"] > 0], RIGHT[BATCH["text_mask"] > 0]
    spread = (naive_sigreg(left, directions) + naive_sigreg(right, directions)) / 2
    apart = [
        np.mean((LEFT[i] - RIGHT[i, k]) ** 2)
        for i in range(ROWS)
        for k in range(2)
        if BATCH["video_mask"][i] and BATCH["text_mask"][i, k]
    ]
    return (1 - regularisation) * np.mean(apart) + regularisation * spread


@pytest.mark.parametrize("cuts", [[8], [3, 8], [1, 2, 5, 8]])
def test_it_is_the_formula_on_any_number_of_replicas(cuts):
    def share(rows, gather):
        loss = SIGRegLoss(regularisation=0.3, directions=DIRECTIONS)
        outputs = {"video/video_text": LEFT[rows], "text/video_text": RIGHT[rows].reshape(-1, WIDTH)}
        return loss(outputs, {name: value[rows] for name, value in BATCH.items()}, gather)["loss"]

    rows = [slice(first, last) for first, last in zip([0, *cuts], cuts)]
    assert sum(on_replicas(share, rows)) == pytest.approx(naive(0.3), rel=2e-3)  # the grid has 17 points


def test_it_is_lower_for_a_gaussian_than_for_what_is_narrow_shifted_or_flat():
    directions = unit_directions(tf.constant(1), 8, 64)
    rows = np.random.default_rng(1).normal(size=(256, 8)).astype("float32")
    flat = rows * np.array([1, 0, 1, 0, 1, 0, 1, 0], "float32")
    gaussian, *others = (
        float(sigreg(each, np.ones(256, "float32"), directions)) for each in (rows, rows / 3, rows + 1, flat)
    )
    assert 0.5 < gaussian < 2 and min(others) > 5 * gaussian  # 1.05 is expected of draws


def test_its_gradient_spreads_what_has_collapsed():
    directions, rows = unit_directions(tf.constant(1), WIDTH, 64), tf.Variable(0.1 * LEFT)
    for _ in range(60):
        with tf.GradientTape() as tape:
            loss = sigreg(rows, tf.ones(ROWS), directions)
        rows.assign_sub(2.0 * tape.gradient(loss, rows))
    assert np.std(rows, axis=0).min() > 0.5


def test_directions_are_of_length_1_even_and_another_set_for_each_batch():
    found = [np.asarray(unit_directions(tf.constant(n, tf.int64), 8, 4000)) for n in (1, 2, 2)]
    np.testing.assert_allclose(np.linalg.norm(found[0], axis=0), 1, rtol=1e-5)
    np.testing.assert_allclose(found[0] @ found[0].T / 4000, np.eye(8) / 8, atol=0.01)
    assert np.abs(found[0].mean(axis=1)).max() < 0.02
    assert np.array_equal(found[1], found[2]) and not np.allclose(found[0], found[1])


def test_directions_of_the_outermost_draws_are_finite(monkeypatch):
    for outermost in (0.0, 1 - 2.0**-24):
        monkeypatch.setattr(draws, "uniform", lambda shape, value=outermost, **_: tf.fill(shape, value))
        found = np.asarray(unit_directions(tf.constant(1), 4, 3))
        np.testing.assert_allclose(np.linalg.norm(found, axis=0), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"regularisation": 1.0}, r"`regularisation` must be in \(0, 1\)"),
        ({"directions": 0}, "`directions` must be at least 1"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        SIGRegLoss(**options)
