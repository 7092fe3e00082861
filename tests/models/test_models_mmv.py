"""The ConvNets (MMV) against every stage, output, loss and gradient of the original release's own code."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import goldens
from tests.models import mmv_golden
from tests.models.test_models_goldens import BRIDGE
from vatt.layers.i3d import I3D
from vatt.layers.resnet import ResNet
from vatt.layers.transformer_encoder import TOKENS
from vatt.losses.contrastive import ContrastiveLoss
from vatt.models.classifier import Classifier
from vatt.models.conv_tower import ConvTower

FORWARD = 3e-5  # of a tensor's root mean square
# In training, batch normalisation over six clips magnifies rounding from layer to layer: two to three times
# what a derivation in float64 differs from the release.
TRAINING = 4e-3


@pytest.fixture(scope="module")
def mmv():
    return mmv_golden.model()


@pytest.fixture(scope="module")
def recipe(mmv):
    """The model with the recipe's weights, and what it gives."""
    mmv_golden.fill(mmv[1])
    return mmv[0], mmv[0](mmv_golden.inputs())


def weights_in(variables):
    return sum(math.prod(variable.shape) for variable in variables)


def assert_outputs(outputs, prefix, tolerance):
    keys = {
        f"{modality}/pooled": f"out/{modality}/features_pooled" for modality in ("video", "audio", "text")
    }
    keys |= {ours: f"out/head_stack/bridge/{theirs}" for ours, theirs in BRIDGE.items()}
    for ours, theirs in keys.items():
        assert mmv_golden.deviation(prefix + theirs, outputs[ours]) < tolerance, prefix + theirs


def test_numbers_of_weights_are_the_release_s(mmv):
    model, names = mmv
    assert len(names) == 572 and set(names) == set(mmv_golden.shapes())
    assert len(model.trainable_weights) == 345
    assert weights_in(model.trainable_weights) == 38_899_168
    assert weights_in(model.video.trainable_weights) == 12_287_264
    assert weights_in(model.audio.trainable_weights) == 23_501_760
    assert [weight.path for weight in model.text.non_trainable_weights] == [
        "vatt/text/encoder/words/embeddings"
    ]
    gains = [unit.norm.gamma for unit in _lasts(model.audio.encoder)]
    assert len(gains) == 16


def _lasts(resnet):
    return [block.third for block in resnet.stages[2:]]


def test_initial_values_are_the_release_s(without_weights):
    resnet = ResNet()
    resnet.build()
    assert {unit.gain for unit in _lasts(resnet)} == {0.0}
    assert {block.first.gain for block in resnet.stages[2:]} == {1.0}


def test_fine_tuning_s_numbers_of_weights(without_weights):
    video = Classifier(tower=ConvTower(encoder=I3D()), classes=5)
    audio = Classifier(tower=ConvTower(encoder=ResNet()), classes=5, modality="spectrogram")
    assert [weights_in(model.trainable_weights) for model in (video, audio)] == [12_292_389, 23_512_005]
    assert [weights_in(model.non_trainable_weights) for model in (video, audio)] == [14_560, 53_120]


def test_outputs_and_losses(recipe):
    model, outputs = recipe
    assert_outputs(outputs, "", FORWARD)
    golden = goldens.arrays("mmv_fac")
    parts = {"loss": "total_loss"} | {
        f"loss/{space}": f"bridge_losses/asymmetric_nce/{name}_loss"
        for space, name in (("video_text", "vidtxt"), ("video_audio", "vidaud"))
    }
    for case in mmv_golden.CASES:
        losses = ContrastiveLoss(form="released")(outputs, mmv_golden.batch(case))
        for ours, theirs in parts.items():
            assert abs(losses[ours] - golden[f"loss/{case}/{theirs}"]) < 1e-6, (case, ours)


@pytest.mark.parametrize("modality", ["video", "audio"])
def test_every_stage(recipe, modality):
    tower = recipe[0].towers[modality]
    signal = tower.prepare(mmv_golden.inputs()[modality])
    *_, collected = tower.encoder(signal, collect={TOKENS: lambda features: features})
    for stage, features in zip(tower.encoder.stages, collected[TOKENS], strict=True):
        key = mmv_golden.stage_key(modality, stage)
        assert mmv_golden.deviation(key, features) < FORWARD, key
    stem = {"video": "mid/video/conv3d_1a_7x7/conv", "audio": "mid/audio/stem/conv"}[modality]
    convolved = tower.encoder.stages[0].convolve(keras.ops.convert_to_tensor(signal))
    assert mmv_golden.deviation(stem, convolved) < FORWARD
    stages = [
        key for key in goldens.arrays("mmv_fac") if key.startswith(f"mid/{modality}/") and "/val" in key
    ]
    assert len(stages) == len(tower.encoder.stages) + 1


def test_stages_of_text_and_of_the_heads(recipe):
    model, outputs = recipe
    rows = model.text.encoder.table(mmv_golden.inputs()["text"])
    assert mmv_golden.deviation("mid/text/word_embedding", rows) < FORWARD
    assert mmv_golden.deviation("out/text/features", outputs["text/tokens"]) < FORWARD
    hidden = model.spaces.video_hidden(outputs["video/pooled"])
    assert mmv_golden.deviation("mid/head/vid_to_hid", hidden) < FORWARD
    assert mmv_golden.deviation("mid/head/pre_bn", model.spaces.video_hidden_norm(hidden)) < FORWARD


def gradients(model, names, *, training):
    """Outputs, loss and the l2 norm of every gradient by the release's names, of one compiled step."""
    trained = {name: variable.value for name, variable in sorted(names.items()) if variable.trainable}
    inputs, masks = mmv_golden.inputs(), mmv_golden.batch("t101101_a111111")

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            outputs = model(inputs, training=training)
            losses = ContrastiveLoss(form="released")(outputs, masks)
        found = tape.gradient(losses["loss"], list(trained.values()))
        return outputs, losses["loss"], [tf.norm(tf.convert_to_tensor(each)) for each in found]

    outputs, loss, norms = step()
    return outputs, float(loss), np.array(norms)


@pytest.mark.slow
def test_gradients_of_one_winner_in_each_window(mmv):
    model, names = mmv
    mmv_golden.fill(names, video_gain=1.5)
    outputs, loss, norms = gradients(model, names, training=False)
    golden = goldens.arrays("mmv_fac")
    assert_outputs(outputs, "gain/", FORWARD)
    assert abs(loss - golden["gain/loss/t101101_a111111/total_loss"]) < 1e-6
    np.testing.assert_allclose(norms, golden["grads/norms"], rtol=2e-3)
    total = np.sqrt(np.sum(np.square(norms, dtype="float64")))
    np.testing.assert_allclose(total, golden["gain/global_grad_norm"], rtol=1e-4)


@pytest.mark.slow
def test_training_and_moving_statistics(mmv):
    model, names = mmv
    mmv_golden.fill(names)
    golden = goldens.arrays("mmv_fac")
    outputs, loss, norms = gradients(model, names, training=True)
    assert_outputs(outputs, "train/", TRAINING)
    assert abs(loss - golden["train/loss/t101101_a111111/total_loss"]) < 3e-4
    np.testing.assert_allclose(norms, golden["grads_train/norms"], rtol=2e-2)
    statistics = sorted(name for name in names if "/moving_" in name)
    after = golden["train/after"]
    assert len(statistics) == len(after) == 226
    for name, wanted in zip(statistics, after):
        found = np.asarray(names[name])[: len(wanted)]
        np.testing.assert_array_less(np.abs(found - wanted), 4e-3 * (np.abs(wanted) + 0.01), err_msg=name)
