"""ONNX and LiteRT where nothing but their runtime is, Keras where no TensorFlow is: the golden embeddings,
from raw media and sentences.
"""

import json
import subprocess
import sys
import venv

import numpy as np
import onnx
import pytest
import tensorflow as tf

from benchmarks.one_runtime import word_ids
from tests.documents import ROOT
from tests.trained_run import CLIP
from vatt.data import video
from vatt.data.description import describe_inputs
from vatt.data.vocabulary import Vocabulary
from vatt.embed import media_encoder
from vatt.export.errors import ExportError
from vatt.export.exporting import export_model
from vatt.export.onnx import OPSET, resized, run

# In step with requirements.txt where it has them.
RUNTIMES = {
    "onnxruntime": "onnxruntime==1.32.0",
    "openvino": "openvino==2026.4.1",
    "litert": "ai-edge-litert==2.3.0",
}
# What pip says where there is no network. All else fails, such as a version that the registry lacks.
UNREACHABLE = "(from versions: none)"


@pytest.fixture(scope="module")
def exported(trained, folder):
    export_model(trained, folder / "runtimes", formats=("keras", "litert", "onnx"))
    return folder / "runtimes"


def test_an_encoder_takes_media_of_any_length_and_size(trained, embedder, tmp_path):
    card = export_model(trained, tmp_path / "out", formats=("onnx",), modalities=("video",))
    assert card.formats.keys() == {"onnx/video.onnx"} and card.formats["onnx/video.onnx"] <= 1e-5
    path = tmp_path / "out" / "onnx" / "video.onnx"
    assert {each.domain: each.version for each in onnx.load(path).opset_import}[""] == OPSET
    (taken,), given = onnx.load(path).graph.input, onnx.load(path).graph.output
    assert [each.dim_param for each in taken.type.tensor_type.shape.dim[:4]] == [
        *("batch", "time", "height", "width")
    ]
    assert {each.type.tensor_type.shape.dim[0].dim_param for each in given} == {"batch"}
    assert f"opset {OPSET}" in (tmp_path / "out" / "README.md").read_text()
    frames = np.random.default_rng(3).integers(0, 256, (3, 11, 40, 27, 3), "uint8")
    for some in (frames, frames[:1, :2]):
        made = run(path, some)
        for space, rows in embedder.embed_video(some).items():
            assert np.abs(made[space] - rows).max() <= 1e-5


@pytest.mark.parametrize("size", [(72, 108), (240, 320), (33, 47), (16, 16)])
def test_resizing_rounds_as_in_evaluation(size):
    # At 240 to 64 many values lie in the middle between two.
    frames = np.random.default_rng(0).integers(0, 256, (2, *size, 3), "uint8")
    wanted = video.resize(tf.constant(frames), 64)
    np.testing.assert_array_equal(resized(tf.constant(frames), 64), wanted)
    square = frames[:, : min(size), : min(size)]
    wanted = video.resize(tf.constant(square), 64)
    np.testing.assert_array_equal(media_encoder.resized(square, 64), wanted)


@pytest.mark.parametrize("release", [False, True])
def test_words_become_ids_by_plain_python(release, tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("<pad>\n<unk>\nthe\nred\ndisc\nspins\nétoile\ndont\nstar\nstarred\n", encoding="utf-8")
    tokenizer = Vocabulary(path=path, release=release)
    sentences = ["The RED disc, spins!", "", "ÉTOILE don't", "star " * 9, "a\u3000star\u00adred"]
    facts = describe_inputs(CLIP, tokenizer)
    np.testing.assert_array_equal(word_ids(sentences, facts), tokenizer.encode(sentences, length=CLIP.words))


def test_half_precision_is_near_and_half_of_the_size(trained, tmp_path):
    formats = ("onnx", "onnx_half")
    export_model(trained, tmp_path / "out", formats=formats, modalities=("video", "text"))
    facts = json.loads((tmp_path / "out" / "model_card.json").read_text())["formats"]
    for modality in ("video", "text"):
        assert facts[f"onnx/{modality}.onnx"] <= 1e-5 < facts[f"onnx_half/{modality}.onnx"] <= 1e-3
        plain, half = (onnx.load(tmp_path / "out" / kind / f"{modality}.onnx") for kind in formats)
        kinds = {each.name.endswith("_half"): each.data_type for each in half.graph.initializer}
        assert kinds[True] == onnx.TensorProto.FLOAT16
        sizes = [
            sum(len(each.raw_data) for each in model.graph.initializer if len(each.dims) > 1)
            for model in (plain, half)
        ]
        assert sizes[1] <= 0.51 * sizes[0]
    # The audio encoder of these random weights is further away than a trained one: it is not written.
    with pytest.raises(ExportError, match=r"within 0.001.*onnx_half.*audio"):
        export_model(trained, tmp_path / "audio", formats=formats, modalities=("audio",))


def test_int8_is_near_and_small(trained, tmp_path):
    export_model(trained, tmp_path / "out", formats=("onnx", "onnx_int8"), modalities=("text",))
    facts = json.loads((tmp_path / "out" / "model_card.json").read_text())["formats"]
    assert facts["onnx/text.onnx"] <= 1e-5 < facts["onnx_int8/text.onnx"] <= 0.05
    model = onnx.load(tmp_path / "out" / "onnx_int8" / "text.onnx")
    assert "MatMulInteger" in {node.op_type for node in model.graph.node}
    assert (tmp_path / "out" / "onnx_int8" / "inputs.json").is_file()


def test_what_is_missing_is_named(trained, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ExportError, match=r"pip install 'vatt\[onnx\]'"):
        export_model(trained, tmp_path / "fresh", formats=("onnx",), modalities=("audio",))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_where_only_the_runtime_is(runtime, exported, tmp_path):
    venv.create(tmp_path / "alone", with_pip=True)
    python = tmp_path / "alone" / "bin" / "python"
    command = [python, "-m", "pip", "install", "--quiet", "numpy", RUNTIMES[runtime]]
    installed = subprocess.run(command, capture_output=True, text=True)
    if installed.returncode and UNREACHABLE in installed.stderr:
        pytest.skip(f"no registry of packages can be reached for {RUNTIMES[runtime]}")
    assert installed.returncode == 0, installed.stderr
    command = [python, "-I", ROOT / "benchmarks" / "one_runtime.py", runtime, exported]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.keys() == {"runtime", "video", "audio", "text"}
    assert all(found[modality]["gap"] <= 1e-5 for modality in ("video", "audio", "text")), found


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_keras_elsewhere_needs_no_tensorflow(backend, exported):
    pytest.importorskip(backend, reason=f"{backend} is not installed")
    program = (
        "import runpy, sys\n"
        "sys.modules['tensorflow'] = None\n"
        f"sys.argv = ['', '{backend}', '{exported}']\n"
        "sys.path.insert(0, '.')\n"
        "runpy.run_path('benchmarks/one_runtime.py', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert all(found[modality]["gap"] <= 1e-5 for modality in ("video", "audio", "text")), found
