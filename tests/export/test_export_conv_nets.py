"""A run of ConvNets, embedded with, exported, and searched with, as one of Transformers is."""

import numpy as np
import pytest
import tensorflow as tf

from tests.goldens import assert_near
from tests.small_models import small_conv_vatt
from tests.trained_run import CLIP, prepared, write_clips, write_run
from vatt.embed.embedder import Embedder
from vatt.embed.loading import open_trained
from vatt.export.asked import Naming
from vatt.export.exporting import export_model

DRAW = np.random.default_rng(0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("conv_nets")


@pytest.fixture(scope="module")
def trained(folder):
    model = small_conv_vatt(clip=CLIP, vocabulary_size=20)
    for weight in model.weights:
        weight.assign(weight + 0.1 * np.abs(DRAW.normal(size=weight.shape)))
    facts = prepared(write_clips(folder / "set")).info.input_facts
    return open_trained(write_run(folder / "run", model, facts))


@pytest.fixture(scope="module")
def embedder(trained):
    return Embedder(trained.model, clip=trained.clip, tokenizer=trained.tokenizer)


def test_each_modality_is_embedded_and_compared(embedder):
    frames = DRAW.integers(0, 256, (2, 4, 16, 16, 3), "uint8")
    video = embedder.embed_video(frames)
    audio = embedder.embed_audio(DRAW.uniform(-1, 1, (2, CLIP.samples)).astype("float32"))
    text = embedder.embed_text(["the red disc", "a blue star"])
    for rows in (video["video_audio"], audio["video_audio"], video["video_text"], text["video_text"]):
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert embedder.similarity(text, video).shape == (2, 2)


def test_the_saved_model_gives_the_same(trained, embedder, folder):
    naming = Naming(name="tiny", publisher="tests", version=1, licence="Apache-2.0")
    export_model(trained, folder / "out", formats=("saved_model",), naming=naming)
    module = tf.saved_model.load(str(folder / "out" / "saved_model"))
    samples = DRAW.uniform(-1, 1, (2, CLIP.samples)).astype("float32")
    made = module.signatures["embed_audio"](samples=tf.constant(samples))
    for space, rows in embedder.embed_audio(samples).items():
        assert_near(made[space], rows, 1e-5)
    sentences = ["the red disc", "a blue star"]
    assert_near(
        module.embed_text(tf.constant(sentences))["video_text"],
        embedder.embed_text(sentences)["video_text"],
        1e-5,
    )
    readme = " ".join((folder / "out" / "README.md").read_text().split())
    assert "I3D" in readme and "normalises by the batch inside its ConvNets" in readme
