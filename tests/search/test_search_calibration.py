import numpy as np
import pytest

from vatt.metrics import calibration as metrics
from vatt.search.calibration import Calibration, Pairs, fit_calibration

GROUPS, EACH = 30, 4


def drawn(seed, *, groups=GROUPS, shift=0.35, lacks_audio=0.0):
    """Captions and windows of some groups; those that belong together have cosines `shift` higher."""
    draw = np.random.default_rng(seed)
    of_window, of_caption = np.repeat(np.arange(groups), EACH), np.repeat(np.arange(groups), 2)
    right = of_caption[:, None] == of_window
    cosines = {
        name: (0.1 + shift * right + 0.1 * draw.standard_normal(right.shape)).astype(np.float32)
        for name in ("video", "audio")
    }
    cosines["audio"][:, draw.random(len(of_window)) < lacks_audio] = np.nan
    return Pairs(cosines=cosines, right=right, wrong=~right, groups=groups)


def asked(calibration, pairs):
    """(probability of the best window, whether it is right) of each caption: once with, once without its own
    windows."""
    made, came = [], []
    for number, right in enumerate(pairs.right):
        for keeps in (np.ones_like(right), ~right):
            cosines = {name: values[number][keeps] for name, values in pairs.cosines.items()}
            probabilities = calibration.probability(cosines, int(keeps.sum()))
            made.append(probabilities.max())
            came.append(right[keeps][probabilities.argmax()])
    return np.array(made), np.array(came)


@pytest.mark.parametrize("lacks_audio", [0.0, 0.3])
def test_probabilities_come_true_on_media_that_were_not_seen(lacks_audio):
    calibration = fit_calibration(drawn(0, lacks_audio=lacks_audio))
    made, came = asked(calibration, drawn(1, lacks_audio=lacks_audio))
    bins = metrics.reliability(made, came)
    assert metrics.expected_calibration_error(bins) < 0.08
    assert made[came].mean() > 0.8 and made[~came].mean() < 0.2


def test_a_larger_collection_promises_less():
    calibration = fit_calibration(drawn(0, groups=10))
    assert calibration.windows == 10 * EACH and calibration.captions == 20
    cosines = {"video": np.array([0.4]), "audio": np.array([np.nan])}
    one, two = (calibration.probability(cosines, windows)[0] for windows in (100, 200))
    assert two < one
    made, came = asked(calibration, drawn(1, groups=100))
    uncorrected, _ = asked(
        Calibration(weights=calibration.weights, windows=400, captions=20), drawn(1, groups=100)
    )
    errors = [
        metrics.expected_calibration_error(metrics.reliability(each, came)) for each in (made, uncorrected)
    ]
    assert errors[0] < errors[1]


def test_captions_that_say_nothing_of_the_media_make_nothing_certain():
    calibration = fit_calibration(drawn(0, shift=0.0))
    made, came = asked(calibration, drawn(1, shift=0.0))
    assert abs(made.mean() - came.mean()) < 0.05 and made.max() < 0.3


def test_what_was_not_seen_is_not_guessed():
    pairs = drawn(0)
    pairs.cosines["audio"][:] = np.nan
    calibration = fit_calibration(pairs)
    cosines = {"video": np.array([0.9, 0.9]), "audio": np.array([np.nan, 0.9])}
    known, unknown = calibration.probability(cosines, 100)
    assert known > 0.5 and np.isnan(unknown)


def test_too_few_captions_are_refused():
    with pytest.raises(
        ValueError, match="at least 20 captions of 4 different things. Received: 6 captions of 3"
    ):
        fit_calibration(drawn(0, groups=3))
