"""The real model on 1, 2 and 4 replicas: loss, gradients, statistics and weights, whatever is missing."""

import functools

import numpy as np
import pytest

from tests.engines.training import NORM_TOLERANCE, Training, assert_same, clip_batch, clip_model
from vatt.optimizers.factories import sgd

# Eight rows: with two replicas four each, with four replicas two.
MISSING = {
    "nothing": (),
    "text of some": (("text", (1, 2, 7)),),
    "text of a replica": (("text", (0, 1, 2, 3)),),
    "all text": (("text", range(8)),),
    "sound of a replica, text of another": (("audio", (4, 5, 6, 7)), ("text", (0, 1, 2, 3))),
    "all sound, some pictures": (("audio", range(8)), ("video", (0, 6))),
}
SEVERAL = pytest.mark.parametrize("replicas", [2, pytest.param(4, marks=pytest.mark.slow)])


@functools.cache
def training_on(replicas):
    """Plain SGD whose step is the gradient, scaled to norm 1: weights show every gradient."""
    return Training(
        make=clip_model,
        batch_of=lambda number: clip_batch(number, missing=tuple(MISSING.values())[number]),
        make_optimizer=lambda: sgd(learning_rate=1.0, momentum=0.0),
        clip_global_norm=1.0,
        replicas=replicas,
    )


@pytest.fixture(scope="module", autouse=True)
def forget():
    yield
    training_on.cache_clear()


@SEVERAL
@pytest.mark.parametrize("missing", MISSING)
def test_loss_gradients_and_statistics(replicas, missing):
    number = list(MISSING).index(missing)
    found = []
    for training in (training_on(1), training_on(replicas)):
        training.restart()
        results = training.run(1, lambda _: training.batch_of(number))  # noqa: B023
        found.append((results[0], training.weights()))
    (one, weights), (several, split_weights) = found
    assert one["finite"] and one["gradient_norm"] > 1
    for name in ("loss", "loss/video_audio", "loss/video_text"):
        np.testing.assert_allclose(several[name], one[name], rtol=1e-5, atol=1e-6, err_msg=name)
    np.testing.assert_allclose(several["gradient_norm"], one["gradient_norm"], rtol=NORM_TOLERANCE)
    assert_same(weights, split_weights, rtol=1e-5, atol=1e-5)


@SEVERAL
def test_five_steps(replicas):
    found = []
    for training in (training_on(1), training_on(replicas)):
        training.restart()
        # Short enough that the rounding of one step is not what the next ones make a hundred times larger,
        # which steps of length 1 do, and long enough to be seen.
        training.optimizer.learning_rate.assign(0.05)
        before = training.weights()
        assert all(each["finite"] for each in training.run(5))
        found.append(training.weights())
    moved = np.sqrt(sum(np.sum((found[0][name] - value) ** 2) for name, value in before.items()))
    assert moved > 0.1
    assert_same(*found, rtol=1e-5, atol=1e-5)
