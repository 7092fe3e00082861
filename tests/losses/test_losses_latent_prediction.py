"""Masked latent prediction added to another loss: the formula, on replicas, and what it refuses."""

import numpy as np
import pytest
import tensorflow as tf

from tests.losses.replicas import on_replicas
from vatt.losses.contrastive import ContrastiveLoss
from vatt.losses.latent_prediction import LatentPredictionLoss

ROWS, TOKENS, WIDTH = 8, 3, 5
DRAW = np.random.default_rng(2)
OUTPUTS = {
    name: DRAW.normal(size=(ROWS, *shape)).astype("float32")
    for name, shape in {
        "video/video_audio": (WIDTH,),
        "audio/video_audio": (WIDTH,),
        "video/predicted": (TOKENS, WIDTH),
        "video/target": (TOKENS, WIDTH),
        "audio/predicted": (TOKENS, WIDTH),
        "audio/target": (TOKENS, WIDTH),
    }.items()
}
BATCH = {
    "video_mask": np.array([1, 1, 0, 1, 1, 1, 1, 1], "float32"),
    "audio_mask": np.array([1, 0, 0, 1, 1, 1, 1, 0], "float32"),
    "example_index": np.arange(ROWS),
    "draw_key": np.zeros((ROWS, 2), "int32"),
}
CONTRAST = {"video/video_audio", "audio/video_audio"}


def naive(modality):
    total, clips = 0.0, 0
    for row in range(ROWS):
        if BATCH[f"{modality}_mask"][row]:
            clips += 1
            predicted, target = (OUTPUTS[f"{modality}/{name}"][row] for name in ("predicted", "target"))
            for token in range(TOKENS):
                apart = predicted[token] - target[token]
                total += (apart @ apart) / WIDTH / TOKENS
    return total / clips


@pytest.mark.parametrize("cuts", [[8], [3, 8], [1, 2, 5, 8]])
def test_it_is_the_formula_on_any_number_of_replicas(cuts):
    def share(rows, gather):
        outputs, batch = ({name: value[rows] for name, value in each.items()} for each in (OUTPUTS, BATCH))
        return LatentPredictionLoss(loss=ContrastiveLoss(), weight=0.5)(outputs, batch, gather)["loss"]

    contrast = ContrastiveLoss()({name: OUTPUTS[name] for name in CONTRAST}, BATCH)["loss"]
    rows = [slice(first, last) for first, last in zip([0, *cuts], cuts)]
    wanted = float(contrast) + 0.5 * (naive("video") + naive("audio"))
    assert sum(on_replicas(share, rows)) == pytest.approx(wanted, rel=1e-5)


def test_its_parts_are_named_and_the_loss_it_is_added_to_is_trained():
    loss = LatentPredictionLoss(loss=ContrastiveLoss(lowest_temperature=0.02))
    assert [each.name for each in loss.trainable_variables] == [
        "temperature_video_audio",
        "temperature_video_text",
    ]
    found = loss({name: tf.constant(value) for name, value in OUTPUTS.items()}, BATCH)
    assert float(found["prediction/video"]) == pytest.approx(naive("video"), rel=1e-5)
    assert float(found["prediction/audio"]) == pytest.approx(naive("audio"), rel=1e-5)
    assert "loss/video_audio" in found


def test_a_step_without_predictions_is_refused_and_a_run_that_begins_is_not():
    loss, outputs = LatentPredictionLoss(loss=ContrastiveLoss()), {name: OUTPUTS[name] for name in CONTRAST}
    with pytest.raises(ValueError, match="needs a model that predicts"):
        loss(outputs, BATCH)
    assert "loss" in loss(outputs, {name: value for name, value in BATCH.items() if name != "draw_key"})


def test_a_weight_must_be_positive():
    with pytest.raises(ValueError, match="`weight` must be positive. Received: weight=0"):
        LatentPredictionLoss(loss=ContrastiveLoss(), weight=0)
