"""`.keras` files: what was saved is what is loaded, and clear words for what is none."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

import vatt
from tests import goldens
from tests.goldens import assert_near, rnd
from tests.small_models import TINY_CLIP, small_classifier, small_vatt
from vatt.layers.voxel_tokenizer import VoxelTokenizer
from vatt.models.classifier import Classifier
from vatt.models.common_spaces import CommonSpaces
from vatt.models.loading import load_model
from vatt.models.tower import Tower
from vatt.models.vatt import VATT

INPUTS = {
    "video": rnd(1, (2, 4, 32, 32, 3)),
    "audio": rnd(2, (2, 384)),
    "text": np.array([[2, 3, 0, 0], [4, 0, 0, 0]], "int32"),
    "image": rnd(3, (2, 32, 32, 3)),
    "spectrogram": rnd(4, (2, 32, 10)),
}

MODELS = {
    "specific": small_vatt,
    "specific_released": lambda: small_vatt(table_width=5, train_table=False, form="released"),
    "agnostic": lambda: small_vatt(agnostic=True),
    "agnostic_released": lambda: small_vatt(
        agnostic=True, table_width=5, projection_width=6, form="released"
    ),
    "agnostic_plain": lambda: small_vatt(agnostic=True, projection_width=0, normalise=False),
    "two_modalities": lambda: VATT(audio=small_vatt().audio, text=small_vatt().text, spaces=CommonSpaces()),
    "video": small_classifier,
    "audio": lambda: small_classifier(modality="audio", projection_width=6),
    "image": lambda: small_classifier(modality="image", views=2),
    "spectrogram": lambda: small_classifier(modality="spectrogram", sizes=(32, 10), use_bias=False),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_saved_model_is_the_same_model(name, tmp_path):
    model = MODELS[name]()
    for weight in model.weights:  # away from zeros and ones
        weight.assign(weight + 0.1 * np.random.default_rng(len(weight.path)).normal(size=weight.shape))
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    assert type(again) is type(model)
    assert keras.saving.serialize_keras_object(again) == keras.saving.serialize_keras_object(model)
    paths = [weight.path for weight in model.weights]
    assert [weight.path for weight in again.weights] == paths and len(set(paths)) == len(paths)
    assert [w.trainable for w in again.weights] == [w.trainable for w in model.weights]
    outputs, expected = again(INPUTS), model(INPUTS)
    assert set(outputs) == set(expected)
    for key, value in expected.items():
        assert np.isfinite(value).all()
        assert_near(outputs[key], value, 0)


def test_a_file_that_is_none(tmp_path):
    goldens.model_and_report("wat_finetune_tiny")[0].save(tmp_path / "real.keras")
    with pytest.raises(FileNotFoundError, match="A model file must exist. .* contains: real.keras"):
        load_model(tmp_path / "reel.keras")
    (tmp_path / "text.keras").write_text("weights")
    with pytest.raises(ValueError, match="must be what `model.save` or `vatt convert` writes"):
        load_model(tmp_path / "text.keras")
    with pytest.raises(ValueError, match="a directory"):
        load_model(tmp_path)
    whole = (tmp_path / "real.keras").read_bytes()
    (tmp_path / "cut.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="cut short"):
        load_model(tmp_path / "cut.keras")


def test_another_keras_model(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.save(tmp_path / "other.keras")
    with pytest.raises(ValueError, match="must be one of this project's. .* 'Sequential'"):
        load_model(tmp_path / "other.keras")


def test_no_known_modality():
    with pytest.raises(ValueError, match=r"must hold at least one of .* keys \('smell',\)"):
        MODELS["specific"]()({"smell": INPUTS["audio"]})
    with pytest.raises(ValueError, match="must hold 'audio'"):
        MODELS["audio"]()({"video": INPUTS["video"]})
    with pytest.raises(ValueError, match="must have at least one tower"):
        VATT()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"classes": 1}, "`classes` must be at least 2"),
        ({"classes": 3, "modality": "smell"}, "`modality` must be one of"),
        ({"classes": 3, "views": 0}, "`views` must be at least 1"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        Classifier(tower=small_classifier().tower, **options)


def test_sounds_start_at_the_chance_of_a_label():
    model = small_classifier(classes=5, modality="audio")
    assert_near(model.head.bias, np.full(5, -np.log(4), "float32"), 1e-6)
    assert not np.any(MODELS["video"]().head.bias)


@pytest.mark.parametrize("settings", [{"video": 3}, {"video": "Base"}, {"mystery": 1}])
def test_settings_of_another_version_are_one_clear_error(settings, tmp_path):
    small_vatt().save(tmp_path / "ours.keras")
    with (
        zipfile.ZipFile(tmp_path / "ours.keras") as ours,
        zipfile.ZipFile(tmp_path / "other.keras", "w") as other,
    ):
        for name in ours.namelist():
            content = ours.read(name)
            if name == "config.json":
                described = json.loads(content)
                content = json.dumps(described | {"config": described["config"] | settings})
            other.writestr(name, content)
    with pytest.raises(ValueError, match=r"as this version writes it.*other\.keras \(\w+Error: "):
        load_model(tmp_path / "other.keras")


def test_a_file_may_name_every_class_of_a_model():
    root = Path(vatt.__file__).parent
    found = {
        str(path.relative_to(root).parent)
        for path in root.rglob("*.py")
        if "\n@keras.saving.register_keras_serializable" in path.read_text("utf-8")
    }
    assert found == {"layers", "models"}
    program = (
        "import keras; from vatt.models.loading import register_models; register_models(); "
        "print(*keras.saving.get_custom_objects())"
    )
    known = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.split()
    assert {"vatt>VATT", "vatt>LatentPrediction", "vatt>CosineBasis", "vatt>I3D"} <= set(known)


def test_a_class_that_is_not_known_here_is_named(tmp_path):
    @keras.saving.register_keras_serializable("vatt")
    class Depth(VoxelTokenizer):
        """Of somebody else's module."""

    tokenizer = Depth(sizes=TINY_CLIP.sizes("video"))
    model = Classifier(tower=Tower(tokenizer=tokenizer, encoder=small_classifier().tower.encoder), classes=2)
    model.save(tmp_path / "depth.keras")
    load_model(tmp_path / "depth.keras")
    del keras.saving.get_custom_objects()["vatt>Depth"]
    with pytest.raises(
        ValueError, match=r"'Depth' of test_models_loading.*Import the module that has it first"
    ):
        load_model(tmp_path / "depth.keras")
