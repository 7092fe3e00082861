"""The real model on 1, 2 and 4 replicas: loss, gradients, statistics and weights, whatever is missing."""

import functools

import numpy as np
import pytest

from tests.train.training import NORM_TOLERANCE, Training, assert_same, clip_batch, clip_model
from vatt.train.optimizer import sgd

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


def test_five_steps():
    # On four replicas a toy does it (test_train_step): steps as long as these, from gradients of norm 150,
    # make 1e-2 of this model's 1e-5 after the first.
    found = []
    for training in (training_on(1), training_on(2)):
        training.restart()
        assert all(each["finite"] for each in training.run(5))
        found.append(training.weights())
    assert_same(*found, rtol=1e-5, atol=1e-5)
