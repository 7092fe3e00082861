"""Presets: a directory that is written, published, found again, and gives the same embeddings."""

import sys
import types

import numpy as np
import pytest

import vatt

SAMPLES = np.random.default_rng(1).uniform(-1, 1, (2, 500)).astype("float32")


@pytest.fixture(scope="module")
def preset(embedder, folder):
    vatt.save_to_preset(embedder, folder / "preset", name="tiny", licence="Apache-2.0")
    return folder / "preset"


def same(model, embedder):
    assert model.fingerprint == embedder.fingerprint
    assert model.tokenizer.words == embedder.tokenizer.words
    for space, rows in embedder.embed_audio(SAMPLES).items():
        np.testing.assert_array_equal(model.embed_audio(SAMPLES)[space], rows)
    return True


def test_a_directory(preset, embedder):
    names = {path.relative_to(preset).as_posix() for path in preset.rglob("*") if path.is_file()}
    assert names >= {"README.md", "model_card.json", "golden.npz", "safetensors/config.json"}
    assert "safetensors/model.safetensors" in names
    assert same(vatt.from_preset(preset), embedder)


def test_hugging_face(preset, embedder, hub, tmp_path):
    server = hub("someone/tiny", tmp_path)
    vatt.upload_preset(preset, "hf://someone/tiny")
    assert (tmp_path / "model_card.json").read_bytes() == (preset / "model_card.json").read_bytes()
    assert same(vatt.from_preset("hf://someone/tiny"), embedder)
    assert any(path.endswith("model.safetensors") for path, *_ in server.asked)


def test_kaggle(preset, embedder, monkeypatch):
    """By a stand-in for the package: no server of Kaggle's is to be had."""
    uploaded = {}
    package = types.ModuleType("kagglehub")
    package.model_upload = lambda handle, folder, **facts: uploaded.update({handle: (folder, facts)})
    package.model_download = lambda handle: uploaded[handle][0]
    monkeypatch.setitem(sys.modules, "kagglehub", package)
    vatt.upload_preset(preset, "kaggle://someone/tiny/keras/demo")
    ((handle, (_, facts)),) = uploaded.items()
    assert handle == "someone/tiny/keras/demo" and facts["license_name"] == "Apache-2.0"
    assert facts["version_notes"].startswith("golden ")
    assert same(vatt.from_preset("kaggle://someone/tiny/keras/demo"), embedder)


def test_what_is_refused(preset, embedder, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="a directory with model_card.json"):
        vatt.upload_preset(tmp_path, "hf://someone/tiny")
    with pytest.raises(ValueError, match="published at hf://"):
        vatt.upload_preset(preset, "s3://bucket/tiny")
    with pytest.raises(ValueError, match="of a model that embeds. Received: VATT"):
        vatt.save_to_preset(embedder.model, tmp_path / "preset")
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(ValueError, match=r"pip install 'vatt\[kaggle\]'"):
        vatt.from_preset("kaggle://someone/tiny/keras/demo")
