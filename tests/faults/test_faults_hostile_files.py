"""Fault 18: files that try to do more than be read. A canary tells whether any of them did."""

import io
import json
import os
import pickle
import tarfile
import zipfile

import h5py
import keras
import pytest

from tests.engines.training import clip_batch, clip_model
from vatt import cli, config
from vatt.models.loading import load_model


class Attack:
    """Runs a command when it is unpickled."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch '{self.canary}'",)


@pytest.fixture
def canary(tmp_path):
    path = tmp_path / "canary"
    yield path
    assert not path.exists()


def keras_file(path, config, weights=b""):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": keras.__version__}))
        archive.writestr("model.weights.h5", weights)
    return path


def lambda_model(path):
    inputs = keras.Input((2,))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x + 1)(inputs)).save(path)
    return path


def test_fault_18_a_lambda_in_a_keras_file(tmp_path, canary):
    path = lambda_model(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="must be one of this project's"):
        load_model(path)
    # The same under one of our names: Keras itself refuses to run what lies inside.
    with zipfile.ZipFile(path) as archive:
        inside = json.loads(archive.read("config.json"))
    inside["registered_name"], inside["class_name"] = "vatt>VATT", "VATT"
    with pytest.raises((ValueError, TypeError)):
        load_model(keras_file(tmp_path / "ours.keras", inside))


def test_fault_18_a_pickle_by_another_name(tmp_path, canary, capsys):
    path = tmp_path / "model.keras"
    path.write_bytes(pickle.dumps(Attack(canary)))
    with pytest.raises(ValueError, match="must be what `model.save`"):
        load_model(path)
    folder = tmp_path / "t5"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Attack(canary)))
    assert cli.main(["convert", "t5", str(folder), str(tmp_path / "out.keras")]) == 2


def test_fault_18_an_external_link_in_the_weights(tmp_path, canary):
    model, _, inputs = clip_model()
    model(inputs(clip_batch(0, rows=2), training=False))
    whole, changed = tmp_path / "whole.keras", tmp_path / "changed.keras"
    model.save(whole)
    load_model(whole)
    secret = tmp_path / "secret.h5"
    with zipfile.ZipFile(whole) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    stream = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(stream, "r+") as file, h5py.File(secret, "w") as other:
        names = []
        file.visititems(lambda name, each: names.append(name) if isinstance(each, h5py.Dataset) else None)
        other["weights"] = file[names[0]][()]
        del file[names[0]]
        file[names[0]] = h5py.ExternalLink(str(secret), "/weights")
    with zipfile.ZipFile(changed, "w") as archive:
        for name, content in {**parts, "model.weights.h5": stream.getvalue()}.items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match="(?i)external|could not be loaded"):
        load_model(changed)


def test_fault_18_a_configuration_that_swells(tmp_path):
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (200 * 2**20))
    assert path.stat().st_size < 2**20
    with pytest.raises(ValueError, match="MiB"):
        load_model(path)


def test_fault_18_an_archive_that_climbs_or_swells(tmp_path, canary):
    climbing = tmp_path / "climbing.keras"
    with tarfile.open(climbing, "w") as archive:
        member = tarfile.TarInfo("../canary")
        archive.addfile(member, io.BytesIO(b""))
    with pytest.raises(ValueError, match="no Keras file"):
        load_model(climbing)
    zipped = tmp_path / "zipped.keras"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("../canary", "")
    with pytest.raises(ValueError, match="without a Keras config"):
        load_model(zipped)


def test_fault_18_a_gin_file_can_call_nothing_that_is_not_registered(tmp_path, canary, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for line in (
        f"run.job = @os.system('touch {canary}')",
        f"run.model_dir = __import__('os').system('touch {canary}')",
        "include '/etc/passwd'",
    ):
        (tmp_path / "bad.gin").write_text(f"import vatt.run\n{line}\n")
        with pytest.raises(config.ConfigError):
            config.load(["bad.gin"])
