"""A backbone as a model: its contract, its file, and its refusals."""

import numpy as np
import pytest

import vatt
from tests import goldens
from tests.goldens import assert_near
from vatt.layers.architecture import Form, Size
from vatt.layers.embedders import WordEmbedder
from vatt.layers.transformer import Encoder
from vatt.models.backbone import Backbone
from vatt.models.parts import signal_embedder, text_encoder
from vatt.models.unimodal import Unimodal

TINY = Size(depth=1, width=8, hidden_width=16, heads=2, head_width=4)


def video_model():
    embedder = signal_embedder(
        "video", width=8, patch=(2, 4, 4), grid=(2, 3, 3), joint_axes=("row", "column"), drop_token_rate=0.0
    )
    encoder = Encoder(size=TINY, form=Form(norm_epsilon=1e-3), name="encoder")
    return Unimodal(backbone=Backbone(embedder=embedder, encoder=encoder, name="video"), modality="video")


def text_model():
    words = WordEmbedder(vocabulary_size=11, width=8, aggregate=False, name="embedder")
    encoder = text_encoder(TINY, dropout_rate=0.0, dtype=None)
    return Unimodal(backbone=Backbone(embedder=words, encoder=encoder, name="text"), modality="text")


@pytest.mark.parametrize(
    ("make", "inputs"),
    [
        (video_model, {"video": goldens.rnd(1, (2, 4, 12, 12, 3))}),
        (text_model, {"text": np.array([[3, 4, 0], [1, 2, 5]], "int32")}),
    ],
)
def test_what_is_saved_is_what_is_loaded(make, inputs, tmp_path):
    model = make()
    model.save(tmp_path / "model.keras")
    again = vatt.load(tmp_path / "model.keras")
    assert [weight.path for weight in again.weights] == [weight.path for weight in model.weights]
    wanted, got = model(inputs), again(inputs)
    assert list(got) == [f"{model.modality}/pooled", f"{model.modality}/tokens"]
    for name, value in wanted.items():
        assert_near(got[name], value, 0)


def test_refusals():
    model = text_model()
    with pytest.raises(ValueError, match="must hold 'text'. Received: keys \\('video',\\)"):
        model({"video": np.zeros((1, 4, 12, 12, 3), "float32")})
    with pytest.raises(ValueError, match="`modality` must be one of"):
        Unimodal(backbone=model.backbone, modality="smell")


def test_a_configuration_from_before_size_and_form():
    flat = {
        "depth": 1, "width": 8, "hidden_width": 16, "heads": 2, "head_width": 4, "attention_norm": "rms",
        "feed_forward_norm": "layer", "norm_placement": "pre", "norm_epsilon": 1e-6, "activation": "gelu",
        "use_bias": False, "scale_scores": False, "relative_buckets": 32, "relative_max_distance": 64,
        "relative_layers": "all", "dropout_rate": 0.0, "recompute": False, "name": "encoder",
        "dtype": "float32",
    }  # fmt: skip
    encoder = text_model().backbone.encoder
    assert Encoder.from_config(flat).get_config() == encoder.get_config()
