"""One small run, exported once for all tests of the folder."""

import keras
import pytest
import tensorflow as tf

from tests.trained_run import prepared, tiny_vatt, write_clips, write_run
from vatt.embed.embedder import Embedder
from vatt.embed.loading import open_trained
from vatt.export.asked import Naming
from vatt.export.exporting import export_model


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("export")


@pytest.fixture(scope="session")
def run(folder):
    keras.config.set_dtype_policy("float32")
    facts = prepared(write_clips(folder / "set")).info.input_facts
    return write_run(folder / "run", tiny_vatt(drop_rate=0.0, dropout_rate=0.0), facts)


@pytest.fixture(scope="session")
def trained(run):
    return open_trained(run)


@pytest.fixture(scope="session")
def embedder(trained):
    return Embedder(trained.model, clip=trained.clip, tokenizer=trained.tokenizer)


@pytest.fixture(scope="session")
def card(trained, folder):
    naming = Naming(name="tiny", publisher="tests", version=3, licence="Apache-2.0")
    return export_model(trained, folder / "out", formats=("saved_model", "hub"), naming=naming)


@pytest.fixture(scope="session")
def out(card, folder):
    """Directory of the export: SavedModel and TF Hub module."""
    return folder / "out"


@pytest.fixture(scope="session")
def module(out):
    return tf.saved_model.load(str(out / "saved_model"))
