"""Who can open the exported module: TF Hub, Keras, legacy Keras, TensorFlow's own command line.

tensorflow-hub 0.16.1 imports `pkg_resources`, which setuptools 81 took out, and none of the three is needed
to make an export; where they are missing their tests are skipped. To run them:
`pip install tensorflow-hub==0.16.1 tf-keras==2.21.0 'setuptools<81'`.
"""

import subprocess
import sys
import tarfile
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.goldens import assert_near

DRAW = np.random.default_rng(6)
SAMPLES = DRAW.uniform(-1, 1, (3, 700)).astype("float32")
WAY = "; pip install tensorflow-hub==0.16.1 tf-keras==2.21.0 'setuptools<81'"


@pytest.fixture(scope="module")
def hub():
    for name in ("pkg_resources", "tf_keras"):
        with warnings.catch_warnings(action="ignore"):
            pytest.importorskip(name, reason=f"tensorflow-hub needs {name}{WAY}")
    return pytest.importorskip("tensorflow_hub", reason=f"tensorflow-hub is not installed{WAY}")


@pytest.fixture(scope="module")
def unpacked(out, folder):
    """The `.tar.gz` unpacked, as TF Hub's cache does."""
    with tarfile.open(out / "hub" / "tiny.tar.gz") as archive:
        archive.extractall(folder / "unpacked", filter="data")
    return str(folder / "unpacked")


def test_hub_load(hub, unpacked, embedder):
    module = hub.load(unpacked)
    for space, rows in embedder.embed_audio(SAMPLES).items():
        assert_near(module({"audio": tf.constant(SAMPLES)})[f"audio/{space}"], rows, 1e-5)
    assert len(module.trainable_variables) == len(embedder.model.trainable_variables)
    assert len(module.variables) == len(embedder.model.weights) and module.regularization_losses == []


def test_legacy_keras_and_hub_layer(hub, unpacked, embedder):
    import tf_keras

    text = hub.KerasLayer(unpacked, signature="embed_text", output_key="video_text")(
        tf.constant(["a red star"])
    )
    assert_near(text, embedder.embed_text(["a red star"])["video_text"], 1e-5)

    layer = hub.KerasLayer(unpacked, trainable=True)
    samples = tf_keras.Input((None,), dtype="float32", name="audio")
    pooled = layer({"audio": samples})["audio/video_audio"]
    model = tf_keras.Model(samples, tf_keras.layers.Dense(1)(pooled))
    assert_near(
        layer({"audio": SAMPLES})["audio/video_audio"], embedder.embed_audio(SAMPLES)["video_audio"], 1e-5
    )
    before = [variable.numpy() for variable in layer.trainable_weights]
    model.compile(tf_keras.optimizers.legacy.SGD(0.1), "mse")
    model.fit(SAMPLES, np.ones((3, 1), "float32"), epochs=1, verbose=0)
    moved = [
        variable.name
        for variable, value in zip(layer.trainable_weights, before, strict=True)
        if not np.array_equal(variable, value)
    ]
    assert any("patches" in name or "kernel" in name for name in moved) and len(moved) > 10


@pytest.mark.parametrize(
    "endpoint",
    ["embed_text", *(pytest.param(f"embed_{m}", marks=pytest.mark.slow) for m in ("video", "audio"))],
)
def test_keras_tfsm_layer(endpoint, out, embedder):
    sentences = ["a red star"]
    frames = DRAW.integers(0, 256, (2, 5, 24, 18, 3), "uint8")
    given = {"embed_video": frames, "embed_audio": SAMPLES, "embed_text": tf.constant(sentences)}[endpoint]
    wanted = getattr(embedder, endpoint)(sentences if endpoint == "embed_text" else given)
    made = keras.layers.TFSMLayer(out / "saved_model", call_endpoint=endpoint)(given)
    for space, rows in wanted.items():
        assert_near(made[space], rows, 1e-5)


@pytest.mark.slow
def test_saved_model_cli(out, embedder, tmp_path):
    tool = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli"]
    where = ["--dir", str(out / "saved_model"), "--tag_set", "serve"]
    given = ["--signature_def", "embed_text", "--input_exprs", "sentences=['a red star', 'the bell']"]
    command = [*tool, "run", *where, *given, "--outdir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    wanted = embedder.embed_text(["a red star", "the bell"])["video_text"]
    assert_near(np.load(tmp_path / "video_text.npy"), wanted, 1e-5)
    command = [*tool, "show", *where, "--signature_def", "embed_video"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert (
        "inputs['frames'] tensor_info" in shown and "DT_UINT8" in shown and "outputs['video_text']" in shown
    )
