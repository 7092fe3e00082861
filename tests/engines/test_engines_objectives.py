"""Objectives and tokens that are off by default train alike on replicas and through cached features."""

import functools

import numpy as np
import pytest

from tests.engines.training import (
    NORM_TOLERANCE,
    Training,
    assert_same,
    clip_batch,
    clip_model,
    predicting_model,
)
from vatt.engines.execution import Cached, Execution, WholeBatch
from vatt.layers.salient_drop_token import SalientDropToken
from vatt.losses.contrastive import ContrastiveLoss
from vatt.losses.pairs import PairWeights
from vatt.losses.sigmoid import SigmoidLoss
from vatt.losses.sigreg import SIGRegLoss
from vatt.optimizers.factories import sgd

MISSING = (("audio", (1, 4)), ("text", (0, 1, 6)), ("video", (3,)))
ALL = PairWeights(audio_text=0.5, audio_visual_text=2.0)
LOSSES = {
    "all_pairs": lambda: ContrastiveLoss(lowest_temperature=0.02, weights=ALL),
    "sigmoid": lambda: SigmoidLoss(bias=-1.0, weights=ALL),
    "sigreg": lambda: SIGRegLoss(regularisation=0.3, directions=16, weights=ALL),
}


def make(loss):
    model, _, inputs = clip_model(all_pairs=True, make_drop_token=SalientDropToken)
    model.spaces.modality_dropout = 0.5
    return model, LOSSES[loss](), inputs


def one_step(make, gradients, replicas, steps=1):
    training = Training(
        make=make,
        batch_of=lambda number: clip_batch(number, missing=MISSING),
        make_optimizer=lambda: sgd(learning_rate=1.0, momentum=0.0),
        clip_global_norm=1.0,
        execution=Execution(gradients=gradients),
        replicas=replicas,
    )
    return training.run(steps)[-1], training.weights()


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_is_the_same_on_replicas_and_through_cached_features(loss):
    results, weights = one_step(functools.partial(make, loss), WholeBatch(), 1)
    for gradients, replicas in ((WholeBatch(), 2), (Cached(rows=2), 1)):
        found, others = one_step(functools.partial(make, loss), gradients, replicas)
        for name in (name for name in results if name.split("/")[0] in ("loss", "sigreg")):
            np.testing.assert_allclose(found[name], results[name], rtol=1e-5, err_msg=name)
        np.testing.assert_allclose(found["gradient_norm"], results["gradient_norm"], rtol=NORM_TOLERANCE)
        assert_same(weights, others, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_latent_prediction_is_the_same_on_replicas_and_its_teacher_follows():
    results, weights = one_step(predicting_model, WholeBatch(), 1, steps=2)
    found, others = one_step(predicting_model, WholeBatch(), 2, steps=2)
    for name in ("loss", "prediction/video", "prediction/audio"):
        assert results[name] > 0
        np.testing.assert_allclose(found[name], results[name], rtol=1e-5, err_msg=name)
    np.testing.assert_allclose(found["gradient_norm"], results["gradient_norm"], rtol=NORM_TOLERANCE)
    assert_same(weights, others, rtol=1e-5, atol=1e-5)
    assert weights["vatt/prediction/steps"] == 2
    assert any(np.abs(value).max() > 0 for path, value in weights.items() if "average_" in path)


@pytest.mark.slow
def test_latent_prediction_through_cached_features_is_refused():
    with pytest.raises(ValueError, match="leave `Execution.gradients` at `WholeBatch`"):
        one_step(predicting_model, Cached(rows=2), 1)
