"""Our models against every intermediate and output that the original release gave on the same weights."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tests import goldens
from tests.goldens import assert_near
from vatt.convert.released_names import released_names
from vatt.layers.feed_forward import ACTIVATIONS
from vatt.layers.transformer_encoder import PROBABILITIES
from vatt.losses.contrastive import ContrastiveLoss

MODELS = ("tx_fac_tiny", "ut_fac_tiny")
TOLERANCE = 2e-5
BRIDGE = {
    "video/video_audio": "video/toaud",
    "video/video_text": "video/totxt",
    "audio/video_audio": "audio/tovid",
    "text/video_text": "text/tovid",
}
gelu = ACTIVATIONS["gelu"][0]


def patch_stages(tokenizer, signal):
    """Stages before the encoder, by their name in the golden."""
    patches = tokenizer.patches(tokenizer.patches.cut(tokenizer.prepare(signal)))
    yield "patch", patches
    if tokenizer.project is not None:
        yield "pre_proj", gelu(tokenizer.project(patches))
    yield "pos", tokenizer.tokens(tokenizer.prepare(signal))
    yield "encoder_in", tokenizer(signal)[0]


def word_stages(tokenizer, ids):
    rows = tokenizer.table(ids)
    if tokenizer.positions is None:
        yield "word_embedding", rows
        yield "pre_proj", gelu(tokenizer.project(tokenizer.agg(rows)))
    else:
        yield "patch", rows
        yield "pre_proj", gelu(tokenizer.project(rows))
        yield "pos", gelu(tokenizer.project(rows)) + tokenizer.positions(grid=(ids.shape[1],))
    yield "encoder_in", tokenizer(ids)[0]


def encoder_stages(tower, tokens, words):
    encoder = tower.encoder
    _, collected = encoder(tokens, words=words, collect={PROBABILITIES: lambda probabilities: probabilities})
    for number, (block, bias) in enumerate(zip(encoder.blocks, encoder.biases(tokens.shape[1], words))):
        normed = block.norm1(tokens)
        attended = block.attention(normed, bias=bias)
        yield f"layer_{number}/attn", collected[PROBABILITIES][number]
        yield f"layer_{number}/mha_out", attended
        yield f"layer_{number}/after_attn", tokens + attended
        tokens = block(tokens, bias=bias)
        yield f"layer_{number}/hidden", tokens
    encoded = encoder.final_norm(tokens)
    yield "encoder_out", encoded
    if tower.projection is not None:
        yield "post_proj", gelu(tower.projection(encoded))


@pytest.mark.parametrize("modality", ["video", "audio", "text"])
@pytest.mark.parametrize("name", MODELS)
def test_every_intermediate(name, modality):
    model, _ = goldens.model_and_report(name)
    tower, given = model.towers[modality], goldens.inputs(name)[modality]
    stages = dict(
        word_stages(tower.tokenizer, given) if modality == "text" else patch_stages(tower.tokenizer, given)
    )
    words = tower.tokenizer(given)[1]
    stages |= dict(encoder_stages(tower, stages["encoder_in"], words))
    prefix = f"mid/{modality}/"
    wanted = {
        key.removeprefix(prefix): value
        for key, value in goldens.arrays(name).items()
        if key.startswith(prefix)
    }
    assert wanted and set(wanted) <= set(stages)
    for stage, value in wanted.items():
        assert_near(stages[stage], value, TOLERANCE)


@pytest.mark.parametrize("name", MODELS)
def test_every_output(name):
    model, _ = goldens.model_and_report(name)
    golden, outputs = goldens.arrays(name), model(goldens.inputs(name))
    for modality in ("video", "audio", "text"):
        assert_near(outputs[f"{modality}/pooled"], golden[f"out/{modality}/features_pooled"], TOLERANCE)
        features = golden[f"out/{modality}/features"]
        flat = features.reshape(features.shape[0], -1, features.shape[-1])
        assert_near(outputs[f"{modality}/tokens"], flat, TOLERANCE)
    for ours, theirs in BRIDGE.items():
        assert_near(outputs[ours], golden[f"out/head_stack/bridge/{theirs}"], TOLERANCE)


def test_a_subset_of_modalities_gives_the_same():
    model, _ = goldens.model_and_report("tx_fac_tiny")
    given = goldens.inputs("tx_fac_tiny")
    whole = model(given)
    for modality, value in given.items():
        alone = model({modality: value})
        assert all(key.startswith(modality) for key in alone)
        for key, part in alone.items():
            assert_near(part, whole[key], 1e-6)
    # Audio without the axis for channels is the same audio.
    assert_near(model({"audio": given["audio"][..., 0]})["audio/pooled"], whole["audio/pooled"], 0)


def test_sound_reaches_the_text_space_over_the_video_audio_space():
    model, _ = goldens.model_and_report("tx_fac_tiny")
    outputs = model(goldens.inputs("tx_fac_tiny"))
    wanted = model.spaces.video_audio_to_video_text(outputs["audio/video_audio"])
    assert_near(outputs["audio/video_text"], wanted, 0)


@pytest.mark.parametrize("name", MODELS)
def test_losses_and_every_gradient(name):
    model, _ = goldens.model_and_report(name)
    golden = goldens.arrays(name)
    with tf.GradientTape() as tape:
        outputs = model(goldens.inputs(name))
        losses = ContrastiveLoss(form="released")(outputs, goldens.loss_batch(name))
    assert_near(losses["loss"], golden["loss/total_loss"], 1e-5)
    assert_near(losses["loss/video_text"], golden["loss/bridge_losses/asymmetric_nce/vidtxt_loss"], 1e-5)
    assert_near(losses["loss/video_audio"], golden["loss/bridge_losses/asymmetric_nce/vidaud_loss"], 1e-5)
    weights = {name: weight for name, weight in released_names(model).items() if weight.trainable}
    gradients = tape.gradient(losses["loss"], [weight.value for weight in weights.values()])
    wanted = goldens.facts(f"{name}_grads")
    assert set(wanted) == set(weights)
    for key, gradient in zip(weights, gradients):
        if wanted[key] is None:
            assert gradient is None
            continue
        # A key's bias has no gradient but rounding: softmax does not see what all keys share.
        noise = 1e-5 if key.endswith("/k/bias") else 1e-6
        norm = np.linalg.norm(tf.convert_to_tensor(gradient))
        np.testing.assert_allclose(norm, wanted[key][0], rtol=1e-3, atol=noise, err_msg=key)


@pytest.mark.parametrize("name", MODELS)
def test_batch_normalisation_in_training(name):
    model, _ = goldens.model_and_report(name)
    golden, before = goldens.arrays(name), model.spaces.get_weights()
    pooled = {f"{m}/pooled": golden[f"out/{m}/features_pooled"] for m in ("video", "audio", "text")}
    try:
        outputs = model.project(pooled, training=True)
        for ours, theirs in BRIDGE.items():
            assert_near(outputs[ours], golden[f"bn_train/{theirs}"], 1e-4)
        names = released_names(model)
        after = {
            key.removeprefix("bn_train/after/"): v for key, v in golden.items() if "bn_train/after/" in key
        }
        assert len(after) == 6
        for key, value in after.items():
            assert_near(names[key], value, 1e-4)
    finally:
        model.spaces.set_weights(before)


@pytest.mark.parametrize("modality", ["video", "audio"])
@pytest.mark.parametrize("name", MODELS)
def test_drop_token_with_the_release_s_permutation(name, modality, monkeypatch):
    model, _ = goldens.model_and_report(name)
    golden = goldens.arrays(name)
    tower, signal = model.towers[modality], goldens.inputs(name)[modality]
    wanted = golden[f"droptoken/{modality}/encoder_in"]
    # Ours keeps the tokens in their order, the release in the permutation's: as sets they are the same.
    kept = np.sort(golden[f"droptoken/perm_{modality}"][: wanted.shape[1] - 1])

    def kept_indices(patches, steps, *, training):
        assert training and patches.shape[1] == golden[f"droptoken/perm_{modality}"].size
        return ops.broadcast_to(ops.convert_to_tensor(kept), (patches.shape[0], kept.size))

    tokenizer = tower.tokenizer
    monkeypatch.setattr(tokenizer, "drop_token", SimpleNamespace(kept_indices=kept_indices))
    tokens = tokenizer.agg(tokenizer.tokens(tokenizer.prepare(signal), training=True))
    order = np.argsort(golden[f"droptoken/perm_{modality}"][: kept.size])
    assert_near(tokens, np.concatenate([wanted[:, :1], wanted[:, 1:][:, order]], axis=1), TOLERANCE)
    encoded = tower.encoder(tokens)
    if tower.projection is not None:
        encoded = gelu(tower.projection(encoded))
    assert_near(encoded[:, 0], golden[f"droptoken/{modality}/features_pooled"], TOLERANCE)
    assert tuple(encoded[:, 1:].shape) == tuple(golden[f"droptoken/{modality}/features_shape"])
