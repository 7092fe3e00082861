"""Released checkpoints of ConvNets: every key accounted for, both ways, and what is fine-tuned from them."""

import json

import numpy as np
import pytest

from tests import goldens
from tests.goldens import assert_near
from tests.models import mmv_golden
from tests.small_models import TINY_CLIP, small_conv_vatt, small_vatt
from vatt import cli
from vatt.convert.checkpoint import Checkpoint, write_checkpoint
from vatt.convert.released import load_released, to_released, write_released
from vatt.convert.released_names import released_names
from vatt.convert.report import ConversionError
from vatt.convert.restore import restore_classifier
from vatt.layers.drop_token import DropToken
from vatt.layers.i3d import I3D
from vatt.layers.resnet import ResNet
from vatt.models.classifier import Classifier
from vatt.models.common_spaces import CommonSpaces
from vatt.models.conv_tower import ConvTower
from vatt.models.loading import load_model
from vatt.models.vatt import VATT

BASE = "model/layer_with_weights-0/_base"


def checkpoint_of(names, folder):
    """A checkpoint in the release's layout whose weights are the recipe's."""
    arrays = {name: goldens.recipe(name, shape) for name, shape in names.items()}
    write_checkpoint(arrays, folder / "ckpt-1")
    return folder / "ckpt-1"


@pytest.mark.slow
def test_every_key_of_mmv_fac_is_converted_and_comes_back(tmp_path, capsys):
    shapes = mmv_golden.shapes()
    checkpoint = checkpoint_of(shapes, tmp_path / "released")
    output, report = tmp_path / "mmv.keras", tmp_path / "report.json"
    assert cli.main(["convert", "released", str(checkpoint), str(output), "--report", str(report)]) == 0
    facts = json.loads(report.read_text())
    assert facts["complete"] and len(facts["matched"]) == 572
    assert not facts["missing"] and not facts["unused"]
    assert "takes 32 × 224² pixels at 10 Hz; 3.2 s of audio" in capsys.readouterr().out
    model = load_model(output)
    outputs = model(mmv_golden.inputs())
    for modality in ("video", "audio", "text"):
        assert mmv_golden.deviation(f"out/{modality}/features_pooled", outputs[f"{modality}/pooled"]) < 3e-5
    write_released(model, tmp_path / "back" / "ckpt-1")
    again = Checkpoint(tmp_path / "back")
    assert set(again.shapes) == set(shapes)
    for name in list(shapes)[::7]:
        assert again.read(name).tobytes() == goldens.recipe(name, shapes[name]).tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("name, modality", [("i3d", "video"), ("resnet2d_50", "spectrogram")])
def test_fine_tuned_logits(name, modality, tmp_path):
    made = Classifier(
        tower=ConvTower(encoder=I3D() if name == "i3d" else ResNet()), classes=5, modality=modality
    )
    shapes = {key: tuple(variable.shape) for key, variable in released_names(made).items()}
    assert len(shapes) == {"i3d": 287, "resnet2d_50": 267}[name]
    model, report = load_released(checkpoint_of(shapes, tmp_path))
    assert not report.missing and not report.unused and model.modality == modality
    model.views = 2
    signal = mmv_golden.inputs()["video" if name == "i3d" else "audio"][:4]
    golden = goldens.arrays("mmv_fac")[f"ft/{name}/out/logits"]
    assert_near(model({modality: signal})["logits"], golden, 1e-5)


def test_fine_tuning_takes_every_weight_of_the_tower():
    source = small_conv_vatt()
    for modality in ("video", "audio"):
        tower = source.towers[modality]
        model, report = restore_classifier(
            source, classes=3, modality=modality, drop_token=DropToken(rate=0.0)
        )
        assert len(report.matched) == len(tower.weights) and len(report.missing) == 2
        assert isinstance(model.tower, ConvTower) and model.tower is not tower
        for ours, theirs in zip(model.tower.weights, tower.weights, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        signal = np.ones((2, *TINY_CLIP.sizes(modality), *((3,) if modality == "video" else ())), "float32")
        assert model({modality: signal})["logits"].shape == (2, 3)
    with pytest.raises(ConversionError, match="DropToken drops tokens, which a ConvNet has not"):
        restore_classifier(source, classes=3, drop_token=DropToken(rate=0.5))
    with pytest.raises(ValueError, match="An image is repeated over the frames of a patch"):
        Classifier(tower=source.video, classes=3, modality="image")(
            {"image": np.ones((1, 8, 8, 3), "float32")}
        )


def test_mixtures_and_other_stems_have_no_place_in_the_release():
    small, other = small_conv_vatt(), small_vatt()
    mixture = VATT(
        video=small.video, audio=other.audio, text=other.text, spaces=CommonSpaces(form="released")
    )
    with pytest.raises(ConversionError, match="mixes ConvNets and Transformers"):
        to_released(mixture)
    with pytest.raises(ConversionError, match="I3D has other blocks or another stem"):
        to_released(small)


def test_a_conv_net_of_the_release_with_a_gap_is_refused():
    shapes = mmv_golden.shapes()
    group = "model/layer_with_weights-0/_base_layer/aud_backbone/_base/block_groups/1/"
    gone = {name: shape for name, shape in shapes.items() if not name.startswith(group)}
    from vatt.convert.released_architecture import released_model

    with pytest.raises(ConversionError, match="without gaps"):
        released_model(gone)
