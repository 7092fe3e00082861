"""What the intermediate outputs are, against the models' own call and naive twins."""

import keras
import numpy as np
import pytest

from tests.analyses.small_clips import SmallClips, small_model
from tests.small_models import small_classifier
from vatt.layers.architecture import Size
from vatt.layers.feed_forward import FeedForward
from vatt.layers.log_mel import LogMel
from vatt.models import intermediates
from vatt.models.vatt import VATT

MODALITIES = ("video", "audio", "text")


@pytest.fixture(scope="module", params=["specific", "agnostic"])
def model(request):
    keras.utils.set_random_seed(0)
    return small_model(request.param)


@pytest.fixture(scope="module")
def inputs():
    columns = SmallClips(3).columns
    video = columns["video"].astype("float32") / 127.5 - 1
    return {"video": video, "audio": columns["audio"], "text": columns["text"][:, 0]}


def test_activations_are_the_means_of_what_the_networks_give_in_the_model_s_own_call(
    model, inputs, monkeypatch
):
    made = intermediates.mean_activations(model, inputs)
    original = FeedForward.call
    for modality in MODALITIES:
        seen = []

        def watched(layer, tokens, training=False, seen=seen):
            seen.append(np.asarray(original(layer, tokens, training=training)))
            return seen[-1]

        with monkeypatch.context() as patch:
            patch.setattr(FeedForward, "call", watched)
            model({modality: inputs[modality]})
        kept = np.ones(seen[0].shape[:2])
        if modality == "text":
            kept[:, 1:] = inputs["text"] != 0
        expected = [(each * kept[:, :, None]).sum(1) / kept.sum(1)[:, None] for each in seen]
        np.testing.assert_allclose(
            made[f"{modality}/activations"], np.stack(expected, axis=1), atol=1e-5, err_msg=modality
        )


def test_inputs_are_the_means_of_the_tokens_without_agg_and_padding(model, inputs):
    made = intermediates.mean_inputs(model, inputs)
    tokens, words = model.text.tokenizer(inputs["text"])
    for row in range(3):
        count = int(np.asarray(words)[row].sum())
        np.testing.assert_allclose(
            made["text/input"][row], np.asarray(tokens)[row, 1:count].mean(axis=0), atol=1e-6
        )
    np.testing.assert_allclose(
        made["video/input"], np.asarray(model.video.tokenizer.tokens(inputs["video"])).mean(axis=1), atol=1e-6
    )


def test_roll_outs_are_shares_and_padding_gets_none(model, inputs):
    made = intermediates.roll_outs(model, {name: inputs[name] for name in ("audio", "text")})
    assert set(made) == {"audio/roll_out", "text/roll_out"}
    assert made["audio/roll_out"].shape == (3, 5) and made["text/roll_out"].shape == (3, 4)
    for shares in made.values():
        np.testing.assert_allclose(np.sum(shares, axis=1), 1.0, atol=1e-5)
    assert np.all(np.asarray(made["text/roll_out"])[inputs["text"] == 0] == 0)
    assert np.all(np.asarray(made["text/roll_out"])[inputs["text"] != 0] > 0)


def test_grids_are_those_of_the_signal_at_hand(model):
    assert intermediates.token_grid(model, "video", (1, 4, 16, 16, 3)) == (2, 2, 2)
    assert intermediates.token_grid(model, "video", (1, 8, 24, 16, 3)) == (4, 3, 2)
    assert intermediates.token_grid(model, "audio", (1, 44)) == (6,)
    assert intermediates.token_grid(model, "text", (1, 4)) == (4,)


def test_one_encoder_is_told_from_three(model):
    assert model.shares_encoder == (model.video.encoder is model.text.encoder)
    assert tuple(intermediates.towers_of(model)) == MODALITIES


def test_a_classifier_of_spectrograms_and_a_lone_tower_can_be_looked_into(model, inputs):
    size = Size(depth=1, width=8, hidden_width=8, heads=2, head_width=4)
    mel = LogMel(bins=20, sample_rate_hz=8000, highest_hz=3500.0)
    listener = small_classifier(
        size, modality="audio", log_mel=mel, sizes=(3500,), patch=(4, 5), dropout_rate=0.0
    )
    sound = {"audio": np.tile(inputs["audio"], (1, 80))}
    grid = intermediates.token_grid(listener, "audio", sound["audio"].shape)
    assert len(grid) == 2
    assert intermediates.roll_outs(listener, sound)["audio/roll_out"].shape == (3, grid[0] * grid[1])
    assert tuple(intermediates.towers_of(listener)) == ("audio",)
    lone = VATT(video=model.video)
    np.testing.assert_array_equal(
        intermediates.mean_activations(lone, inputs)["video/activations"],
        intermediates.mean_activations(model, inputs)["video/activations"],
    )
    assert intermediates.towers_of(object()) == {}
