"""What a file may ask for: bounds that hold before anything is built, and that every real model keeps."""

import json
import shutil
import zipfile

import h5py
import keras
import numpy as np
import pytest

from tests import goldens
from tests.small_models import small_classifier
from vatt.convert import safetensors_model
from vatt.layers.architecture import SIZES
from vatt.models.bounds import TooLargeError, check_description
from vatt.models.loading import load_model
from vatt.models.paper import paper_vatt


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    small_classifier(joint_axes=("row", "column")).save(path)
    return path


def edited(saved, tmp_path, edit, *, compression=zipfile.ZIP_STORED):
    """The file with another description."""
    with zipfile.ZipFile(saved) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    described = json.loads(members["config.json"])
    edit(described["config"])
    members["config.json"] = json.dumps(described).encode()
    with zipfile.ZipFile(tmp_path / "edited.keras", "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return tmp_path / "edited.keras"


def tower(config):
    return config["tower"]["config"]


def of_size(**sizes):
    return lambda config: tower(config)["encoder"]["config"]["size"]["config"].update(sizes)


def of_tokenizer(**settings):
    return lambda config: tower(config)["tokenizer"]["config"].update(settings)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (of_size(depth=10**7), "`depth` may be at most 1,024.* 10,000,000"),
        (of_size(depth=1000), "as many weights as the file"),
        (of_size(width=400_000), "`width` may be at most 65,536"),
        (of_size(width=8192, hidden_width=32_768), "as many weights as the file"),
        (of_size(heads=10**6), "`heads` may be at most"),
        (of_size(depth=1e30), "`depth` may be at most"),
        (lambda config: config.update(classes=10**6), "as many weights as the file"),
        (of_tokenizer(sizes=[4, 2**25, 2]), "`sizes` may be at most"),
        (of_tokenizer(sizes=[4, 60_000, 60_000]), "`sizes` may multiply to at most"),
        (of_tokenizer(sizes=[4, 8000, 8000]), "as many weights as the file"),
        (of_tokenizer(patch=[4, 5000, 5000]), "`patch` may multiply to at most"),
        (lambda config: config.update(views=10**12), "`views` may be at most"),
        (of_tokenizer(sizes=[1] * 20_000), "at most 10,000 settings"),
        (
            lambda config: config.update(
                dtype={"class_name": "Lambda", "module": "keras.layers", "config": {}}
            ),
            "objects of this project.* 'Lambda'",
        ),
        (lambda config: config.update(tower={"class_name": "eval", "module": "builtins"}), "'eval'"),
    ],
)
def test_a_description_that_asks_for_too_much_is_refused_before_anything_is_built(
    saved, tmp_path, monkeypatch, edit, words
):
    path = edited(saved, tmp_path, edit)
    monkeypatch.setattr(keras.saving, "load_model", lambda *_, **__: pytest.fail("it was built"))
    with pytest.raises(ValueError, match=words):
        load_model(path)


def test_an_unedited_description_passes(saved, tmp_path):
    assert load_model(edited(saved, tmp_path, lambda config: None)).classes == 3


def test_weights_that_unpack_to_more_than_the_file_are_refused(saved, tmp_path):
    packed = edited(saved, tmp_path, lambda config: None, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(TooLargeError, match="with compressed model.weights.h5"):
        load_model(packed)
    with h5py.File(tmp_path / "bomb.h5", "w") as arrays:
        arrays.create_dataset("a", shape=(10**6, 10**6), dtype="f4", chunks=(1000, 1000), compression="gzip")
    shutil.copy(saved, tmp_path / "bomb.keras")
    with zipfile.ZipFile(saved) as archive, zipfile.ZipFile(tmp_path / "bomb.keras", "w") as bomb:
        for name in archive.namelist():
            content = archive.read(name)
            bomb.writestr(
                name, (tmp_path / "bomb.h5").read_bytes() if name == "model.weights.h5" else content
            )
    with pytest.raises(TooLargeError, match="where a is said to have 4,000,000,000,000 bytes"):
        load_model(tmp_path / "bomb.keras")


def test_a_folder_of_arrays_keeps_the_same_bounds(tmp_path):
    model = small_classifier()
    safetensors_model.write_model(tmp_path, model, None)
    config = json.loads((tmp_path / "config.json").read_text())
    for sizes, words in (({"depth": 10**7}, "`depth`"), ({"depth": 500}, "as many weights as the file")):
        of_size(**sizes)(config["model"]["config"])
        (tmp_path / "config.json").write_text(json.dumps(config))
        with pytest.raises(TooLargeError, match=words):
            safetensors_model.read_model(tmp_path)


@pytest.mark.parametrize("size", SIZES)
def test_every_published_size_is_within_the_bounds(size, without_weights):
    model = paper_vatt(video=size, audio=size, text=size)
    held = sum(int(np.prod(variable.shape)) for variable in model.weights)
    check_description(keras.saving.serialize_keras_object(model), source="a test", weights=held)


@pytest.mark.parametrize("name", ["tx_fac_tiny", "ut_fac_tiny", "wat_finetune_tiny"])
def test_released_models_are_within_the_bounds(name):
    model, _ = goldens.model_and_report(name)
    held = sum(int(np.prod(variable.shape)) for variable in model.weights)
    check_description(keras.saving.serialize_keras_object(model), source="a test", weights=held)
