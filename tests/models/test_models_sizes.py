"""Parameter counts: Table 7 of the paper and the release's own."""

import math

import pytest

from tests.small_models import small_classifier, small_vatt
from vatt.convert.restore import classifier_like
from vatt.layers.architecture import Size, size_of
from vatt.layers.text_encoder import TextEncoder
from vatt.layers.word_tokenizer import WordTokenizer
from vatt.models.common_spaces import CommonSpaces
from vatt.models.paper import paper_vatt
from vatt.models.tower import Tower
from vatt.models.vatt import VATT
from vatt.spec import ClipSpec

PAPER = {"clip": ClipSpec()}
RELEASED = PAPER | {"form": "released", "table_width": 300, "train_table": False, "vocabulary_size": 2**16}

pytestmark = pytest.mark.usefixtures("without_weights")


def count(weights):
    return sum(math.prod(weight.shape) for weight in weights)


@pytest.mark.parametrize(
    ("size", "tower", "with_600_classes"),
    [
        ("base", 87_446_016, 87_907_416),
        ("medium", 154_343_424, 154_958_424),
        ("large", 305_498_112, 306_113_112),
    ],
)
def test_video(size, tower, with_600_classes):
    model = small_classifier(size, classes=600, **PAPER)
    assert count(model.tower.trainable_weights) == tower
    assert count(model.trainable_weights) == with_600_classes


@pytest.mark.parametrize(
    ("size", "tower", "total"), [("base", 86_078_976, 86_484_239), ("medium", 152_520_704, 153_060_879)]
)
def test_audio(size, tower, total):
    model = small_classifier(size, classes=527, modality="audio", **PAPER)
    assert count(model.tower.trainable_weights) == tower
    assert count(model.trainable_weights) == total


def test_spectrogram():
    model = small_classifier("base", classes=527, modality="spectrogram", sizes=(144, 80), use_bias=False)
    assert count(model.trainable_weights) == 85_462_031


def test_classifiers_of_other_kinds():
    assert count(small_classifier("base", classes=400, sizes=(32, 320, 320)).weights) == 87_762_832
    agnostic = PAPER | {"projection": True, "projection_width": 1024}
    assert count(small_classifier("medium", classes=400, **agnostic).weights) == 156_852_624
    assert count(small_classifier("medium", classes=527, modality="audio", **agnostic).weights) == 155_160_079


def test_text():
    tower = Tower(tokenizer=WordTokenizer(table_width=300, train_table=False), encoder=TextEncoder())
    tower.build()
    assert count(tower.trainable_weights) == 19_038_252
    assert count(tower.non_trainable_weights) == 19_660_800


@pytest.mark.parametrize(
    ("video", "total"), [("base", 193_877_292), ("medium", 260_905_772), ("large", 412_060_460)]
)
def test_modality_specific_as_released(video, total):
    model = VATT(
        video=small_vatt(video, **RELEASED).video,
        audio=small_vatt("base", **RELEASED).audio,
        text=small_vatt("small", **RELEASED).text,
        spaces=CommonSpaces(form="released"),
    )
    assert count(model.trainable_weights) == total
    assert count(model.non_trainable_weights) == 19_663_360


def test_modality_agnostic_as_released():
    model = small_vatt("medium", agnostic=True, **RELEASED)
    assert count(model.trainable_weights) == 162_990_336
    assert count(model.non_trainable_weights) == 19_663_360
    assert count(model.video.encoder.weights) == 151_156_736
    assert model.video.encoder.weights[0].path.startswith("vatt/encoder/")


def test_a_preset_that_does_not_exist():
    with pytest.raises(ValueError, match=r"A size must be one of .* Received: 'meduim'\. Closest: `medium`"):
        paper_vatt(video="meduim")


def test_a_size_of_ones_own():
    own = Size(depth=1, width=8, hidden_width=16, heads=2)
    assert size_of(own) is own and size_of(own.get_config()) == own


# Every patch leaves a rest: 33 frames, 200 rows and columns, 1,666 samples.
UNEVEN = ClipSpec(frames=33, frame_rate_hz=20.0, frame_size=200, sample_rate_hz=1010)


@pytest.mark.parametrize(("edge", "video", "audio"), [("pad", (9, 13, 13), 14), ("drop", (8, 12, 12), 13)])
@pytest.mark.parametrize("kind", ["specific", "agnostic", "classifier"])
def test_position_tables_have_the_grid_that_the_edge_leaves(kind, edge, video, audio):
    if kind == "classifier":
        tokenizers = [
            small_classifier(clip=UNEVEN, edge=edge, modality=modality).tower.tokenizer
            for modality in ("video", "audio")
        ]
    else:
        made = small_vatt(clip=UNEVEN, edge=edge, agnostic=kind == "agnostic")
        tokenizers = [made.video.tokenizer, made.audio.tokenizer]
        sizes = UNEVEN.sizes("video")
        assert classifier_like(made, classes=2, sizes=sizes).tower.tokenizer.grid == video
    for tokenizer, grid, sizes in zip(tokenizers, (video, (audio,)), ((33, 200, 200), (UNEVEN.samples,))):
        assert tokenizer.grid == grid == tokenizer.patches.grid(sizes)
        assert [table.shape[0] for table in tokenizer.positions.tables] == list(grid)
