"""Parameter counts: Table 7 of the paper and the release's own."""

import math

import pytest

from vatt.convert.restore import classifier_like
from vatt.layers.embedders import WordEmbedder
from vatt.models.agnostic import AgnosticVATT
from vatt.models.backbone import Backbone
from vatt.models.classifier import Classifier
from vatt.models.parts import text_encoder
from vatt.models.presets import SIZES, Size, size_of
from vatt.models.vatt import VATT
from vatt.spec import ClipSpec

RELEASED = {"heads": "released", "word_table_width": 300, "train_word_table": False}

pytestmark = pytest.mark.usefixtures("without_weights")


def count(weights):
    return sum(math.prod(weight.shape) for weight in weights)


@pytest.mark.parametrize(
    ("size", "backbone", "with_600_classes"),
    [
        ("base", 87_446_016, 87_907_416),
        ("medium", 154_343_424, 154_958_424),
        ("large", 305_498_112, 306_113_112),
    ],
)
def test_video(size, backbone, with_600_classes):
    model = Classifier(classes=600, size=size)
    assert count(model.backbone.trainable_weights) == backbone
    assert count(model.trainable_weights) == with_600_classes


@pytest.mark.parametrize(
    ("size", "backbone", "total"), [("base", 86_078_976, 86_484_239), ("medium", 152_520_704, 153_060_879)]
)
def test_audio(size, backbone, total):
    model = Classifier(classes=527, size=size, modality="audio")
    assert count(model.backbone.trainable_weights) == backbone
    assert count(model.trainable_weights) == total


def test_spectrogram():
    model = Classifier(classes=527, modality="spectrogram", grid=(9, 16), use_bias=False)
    assert count(model.trainable_weights) == 85_462_031


def test_classifiers_of_other_kinds():
    assert count(Classifier(classes=400, grid=(8, 20, 20)).weights) == 87_762_832
    agnostic = {"size": "medium", "input_projection": True, "output_width": 1024}
    assert count(Classifier(classes=400, **agnostic).weights) == 156_852_624
    assert count(Classifier(classes=527, modality="audio", **agnostic).weights) == 155_160_079


def test_text():
    embedder = WordEmbedder(vocabulary_size=2**16, width=512, table_width=300, train_table=False)
    encoder = text_encoder(SIZES["small"], dropout_rate=0.1, dtype=None)
    backbone = Backbone(embedder=embedder, encoder=encoder)
    backbone.build()
    assert count(backbone.trainable_weights) == 19_038_252
    assert count(backbone.non_trainable_weights) == 19_660_800


@pytest.mark.parametrize(
    ("video", "total"), [("base", 193_877_292), ("medium", 260_905_772), ("large", 412_060_460)]
)
def test_modality_specific_as_released(video, total):
    model = VATT(video=video, **RELEASED)
    assert count(model.trainable_weights) == total
    assert count(model.non_trainable_weights) == 19_663_360


def test_modality_agnostic_as_released():
    model = AgnosticVATT(**RELEASED)
    assert count(model.trainable_weights) == 162_990_336
    assert count(model.non_trainable_weights) == 19_663_360
    assert count(model.encoder.weights) == 151_156_736
    assert model.encoder.weights[0].path.startswith("vatt/encoder/")


def test_a_preset_that_does_not_exist():
    with pytest.raises(
        ValueError, match=r"A size must be one of .* Received: 'meduim'\. Did you mean 'medium'"
    ):
        VATT(video="meduim")


def test_a_size_of_ones_own():
    own = Size(depth=1, width=8, hidden_width=16, heads=2)
    assert size_of(own) is own and size_of(own.get_config()) == own


TINY = Size(depth=1, width=8, hidden_width=16, heads=1, head_width=8)
# Every patch leaves a rest: 33 frames, 200 rows and columns, 1,666 samples.
UNEVEN = ClipSpec(frames=33, frame_rate_hz=20.0, frame_size=200, sample_rate_hz=1010)


@pytest.mark.parametrize(("edge", "video", "audio"), [("pad", (9, 13, 13), 14), ("drop", (8, 12, 12), 13)])
@pytest.mark.parametrize("model", [VATT, AgnosticVATT, Classifier])
def test_position_tables_have_the_grid_that_the_edge_leaves(model, edge, video, audio):
    if model is Classifier:
        made = Classifier(classes=2, size=TINY, clip=UNEVEN, edge=edge)
        assert made.grid == video == made.backbone.embedder.patches.grid((33, 200, 200))
        sound = Classifier(classes=2, size=TINY, clip=UNEVEN, edge=edge, modality="audio")
        assert sound.grid == (audio,)
        return
    sizes = {"size": TINY} if model is AgnosticVATT else dict.fromkeys(("video", "audio", "text"), TINY)
    made = model(clip=UNEVEN, edge=edge, vocabulary_size=10, **sizes)
    assert made.video_grid == video == made.video.embedder.patches.grid((33, 200, 200))
    assert made.audio_grid == (audio,) == made.audio.embedder.patches.grid((UNEVEN.samples,))
    assert classifier_like(made, classes=2, clip=UNEVEN).grid == video
