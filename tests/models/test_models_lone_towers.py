"""A tower on its own as a model: its contract, its file, and its refusals."""

import numpy as np
import pytest

import vatt
from tests import goldens
from tests.goldens import assert_near
from tests.small_models import TINY
from vatt.layers.architecture import Form
from vatt.layers.positions import FactorisedPositions
from vatt.layers.text_encoder import TextEncoder
from vatt.layers.transformer_encoder import TransformerEncoder
from vatt.layers.voxel_tokenizer import VoxelTokenizer
from vatt.layers.word_tokenizer import WordTokenizer
from vatt.models.tower import Tower
from vatt.models.vatt import VATT


def video_model():
    tokenizer = VoxelTokenizer(
        sizes=(4, 12, 12), patch=(2, 4, 4), positions=FactorisedPositions(joint_axes=("row", "column"))
    )
    encoder = TransformerEncoder(size=TINY, form=Form(norm_epsilon=1e-3))
    return VATT(video=Tower(tokenizer=tokenizer, encoder=encoder))


def text_model():
    words = WordTokenizer(vocabulary_size=11, aggregate=None)
    return VATT(text=Tower(tokenizer=words, encoder=TextEncoder(size=TINY)))


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
    (modality,) = inputs
    assert list(got) == [f"{modality}/pooled", f"{modality}/tokens"]
    for name, value in wanted.items():
        assert_near(got[name], value, 0)


def test_refusals():
    with pytest.raises(ValueError, match="at least one of \\('text',\\). Received: keys \\('video',\\)"):
        text_model()({"video": np.zeros((1, 4, 12, 12, 3), "float32")})
