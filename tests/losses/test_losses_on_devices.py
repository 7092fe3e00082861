"""Losses whose terms cross replicas, on devices: shares and gradients sum to those of one device."""

import numpy as np
import pytest
import tensorflow as tf

from tests.devices import mirrored
from vatt.engines.tensorflow.gather import all_gather
from vatt.engines.tensorflow.strategy import split_batch
from vatt.losses.contrastive import ContrastiveLoss
from vatt.losses.pairs import PairWeights
from vatt.losses.sigmoid import SigmoidLoss
from vatt.losses.sigreg import SIGRegLoss

ROWS, CANDIDATES, WIDTH = 8, 2, 6
DRAW = np.random.default_rng(12)
ALL = PairWeights(audio_text=0.5, audio_visual_text=2.0)
LOSSES = {
    "all pairs": lambda: ContrastiveLoss(lowest_temperature=0.02, weights=ALL, block_rows=1),
    "sigmoid": lambda: SigmoidLoss(bias=-1.0, weights=ALL, block_rows=3),
    "sigreg": lambda: SIGRegLoss(regularisation=0.3, directions=16, weights=ALL),
}
NAMES = ("video/video_audio", "audio/video_audio", "video/video_text", "audio/video_text")
OUTPUTS = {
    name: DRAW.normal(size=(ROWS, WIDTH)).astype("float32") for name in (*NAMES, "audio_visual/video_text")
}
OUTPUTS["text/video_text"] = DRAW.normal(size=(ROWS, CANDIDATES, WIDTH)).astype("float32")
BATCH = {
    "video_mask": np.array([1, 1, 0, 1, 1, 1, 1, 1], "float32"),
    "audio_mask": np.array([1, 0, 0, 1, 1, 1, 1, 1], "float32"),
    "text_mask": np.array([[1, 1], [1, 0], [0, 0], *[[1, 1]] * 5], "float32"),
    "example_index": np.arange(30, 30 + ROWS),
}


def on_devices(make, replicas):
    """The global loss, and its gradients by output and by number of the trained variable."""
    strategy = mirrored(replicas)
    with strategy.scope():
        loss = make()

    def share(given):
        outputs = {name: given[name] for name in OUTPUTS}
        trained = [variable.value for variable in getattr(loss, "trainable_variables", ())]
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            flat = {name: tf.reshape(rows, (-1, WIDTH)) for name, rows in outputs.items()}
            total = loss(flat, {name: given[name] for name in BATCH}, all_gather)["loss"]
        return total, *tape.gradient(total, [outputs, trained])

    given = {name: tf.constant(value) for name, value in (OUTPUTS | BATCH).items()}
    compiled = tf.function(lambda given: strategy.run(share, args=(given,)), autograph=False)
    total, outputs, trained = compiled(split_batch(strategy, given))
    local = strategy.experimental_local_results
    found = {name: np.concatenate(local(rows)) for name, rows in outputs.items()}
    found |= {number: sum(map(float, local(each))) for number, each in enumerate(trained)}
    return sum(map(float, local(total))), found


@pytest.fixture(scope="module")
def on_one():
    return {name: on_devices(make, 1) for name, make in LOSSES.items()}


@pytest.mark.parametrize("replicas", [2, pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", LOSSES)
def test_loss_and_gradients_are_those_of_one_device(name, replicas, on_one):
    total, gradients = on_one[name]
    found, others = on_devices(LOSSES[name], replicas)
    assert found == pytest.approx(total, rel=1e-5)
    assert gradients.keys() == others.keys()
    for key, gradient in gradients.items():
        assert np.abs(gradient).max() > 0
        np.testing.assert_allclose(others[key], gradient, rtol=1e-4, atol=1e-6, err_msg=str(key))
