"""Writing an export: whole or not at all, with its card, and only if it is the model."""

import ast
import dataclasses
import errno
import json
import os
import resource
import signal
import tarfile
import warnings
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

import vatt
from tests.goldens import GOLDEN, assert_near
from tests.leftovers import leftover
from tests.small_models import small_vatt
from tests.trained_run import CLIP, PATCHES, tiny_vatt, write_run
from vatt import cli
from vatt.engines.tensorflow.average import AveragedWeights
from vatt.engines.tensorflow.state import State
from vatt.evals.protocol_card import weights_fingerprint
from vatt.export import exporting, saved_model
from vatt.export.asked import Naming
from vatt.export.errors import ExportError
from vatt.export.exporting import export_model, export_path
from vatt.layers.log_mel import LogMel
from vatt.models.vatt import VATT
from vatt.train.checkpoint_folder import CheckpointFolder

# What is written fastest.
FEW = {"formats": ("safetensors",), "modalities": ("audio",)}

MEL = LogMel(sample_rate_hz=1000, bins=8, lowest_hz=20.0, highest_hz=400.0)


def nothing_left(folder):
    return not [path for path in folder.iterdir() if "fresh" in path.name]


def test_what_lies_in_an_export(out, card):
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert files >= {
        "README.md",
        "golden.npz",
        "model_card.json",
        "hub/tiny.md",
        "hub/tiny.tar.gz",
        "saved_model/saved_model.pb",
        "saved_model/assets.extra/golden.npz",
        "saved_model/assets.extra/inputs.json",
    }
    facts = json.loads((out / "model_card.json").read_text())
    assert facts["golden_hash"] == card.golden_hash and facts["formats"]["saved_model"] <= 1e-5
    assert facts["inputs"]["tokenizer"]["words"][:3] == ["<pad>", "<unk>", "the"]
    text = (out / "README.md").read_text()
    assert ast.parse(text.split("```python\n")[1].split("```")[0])
    assert card.golden_hash in text and "Nothing was measured on these weights" in text
    assert "`frames` uint8 [B, T, H, W, 3]" in text and "Apache-2.0" in text
    assert "${" not in text and "Neither time nor energy" in text and "akbari2021vatt" in text
    assert [line for line in text.splitlines() if line.startswith("# ")][0] == "# tiny"


def test_the_hub_module_is_the_saved_model(out, folder):
    page = (out / "hub" / "tiny.md").read_text().splitlines()
    assert page[0] == "# Module tests/tiny/3" and page[2].startswith("Embeds raw video")
    for line in (
        "asset-path: tiny.tar.gz",
        "fine-tunable: true",
        "format: saved_model_2",
        "license: apache-2.0",
    ):
        assert f"<!-- {line} -->" in page
    with tarfile.open(out / "hub" / "tiny.tar.gz") as archive:
        packed = {entry.name: archive.extractfile(entry).read() for entry in archive if entry.isfile()}
        assert {entry.uname for entry in archive} == {""} and {entry.mtime for entry in archive} == {0}
    root = out / "saved_model"
    written = {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}
    assert packed == written


def test_figures_of_these_weights_and_no_others(run, trained, folder, embedder):
    evaluations = run / "evaluations"
    evaluations.mkdir()
    weights = weights_fingerprint(embedder.model)
    for name, of, value in (("ours", weights, 0.625), ("theirs", "0123", 0.75)):
        protocol = {"weights": of, "precision": "float32", "data": {"dataset": "set", "split": "test"}}
        metrics = {
            f"{name}/text_to_video/recall_at_1": value,
            f"{name}/text_to_video/chance_recall_at_1": 0.25,
        }
        content = {"step": 3, "metrics": metrics, "artifact": {"protocol": protocol}}
        (evaluations / f"{name}.json").write_text(json.dumps(content))
    (run / "config.gin").write_text("A = 1\n")
    facts = {"identity": {"data": "d34a7b"}}
    CheckpointFolder(run / "checkpoints").save(4, State(model=trained.model).snapshot(), facts=facts)
    (run / "command.txt").write_text(
        "command: python -m vatt.main --gin_file=x.gin\nvatt: 0.1.0\ndevices: 2 GPUs\n\n"
    )
    (run / "journal.jsonl").write_text(
        '{"step": 1, "seconds": 9}\n{"step": 3, "seconds": 5400.0}\n{"step": 4, "sec'
    )
    card = export_model(trained, folder / "measured", **FEW)
    text = (folder / "measured" / "README.md").read_text()
    assert "| `ours/text_to_video/recall_at_1` | 0.625 | 0.25 | set, test |" in text
    assert "0.75" not in text and card.run.of_other_weights == ("theirs",)
    assert "Training data of the run: data d34a7b." in text
    assert "took 1.5 hours, 3 steps, on 2 GPUs" in text
    assert "--gin_file=x.gin" in text and (folder / "measured" / "config.gin").read_text() == "A = 1\n"


def test_safetensors_are_loaded_again(trained, embedder, tmp_path):
    export_model(trained, tmp_path / "out", **FEW)
    again = vatt.load(tmp_path / "out")  # finds them there
    assert again.fingerprint == embedder.fingerprint and again.source.endswith("safetensors")
    assert again.tokenizer.words == embedder.tokenizer.words
    config = tmp_path / "out" / "safetensors" / "config.json"
    config.write_text(config.read_text().replace('"hidden_width": 16', '"hidden_width": 24'))
    with pytest.raises(ValueError, match="arrays must be the weights of the model"):
        vatt.load(tmp_path / "out" / "safetensors")


def test_what_a_killed_export_left_goes_at_the_next_one(trained, tmp_path):
    killed = leftover(tmp_path / "earlier")
    (killed / "saved_model").mkdir(parents=True)
    (tmp_path / ".earlier-of-somebody-else").mkdir()
    export_model(trained, tmp_path / "out", **FEW)
    assert {path.name for path in tmp_path.iterdir()} == {"out", ".earlier-of-somebody-else"}


@pytest.mark.slow
def test_keras_and_litert_are_written_and_compared(trained, tmp_path, embedder):
    card = export_model(trained, tmp_path / "out", formats=("keras", "litert"))
    assert max(card.formats.values()) <= 1e-5
    assert vatt.load(tmp_path / "out" / "model.keras").fingerprint == embedder.fingerprint
    samples = np.linspace(-1, 1, 400, dtype="float32")[None]
    with warnings.catch_warnings(action="ignore"):
        interpreter = tf.lite.Interpreter(str(tmp_path / "out" / "litert" / "audio.tflite"))
    runner = interpreter.get_signature_runner("audio")
    assert_near(runner(samples=samples)["video_audio"], embedder.embed_audio(samples)["video_audio"], 1e-5)
    words = (tmp_path / "out" / "litert" / "words.txt").read_text().splitlines()
    assert words == embedder.tokenizer.words


def test_half_precision_and_averages_are_exported_as_evaluated(run, tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = tiny_vatt()
    keras.config.set_dtype_policy("float32")
    average = AveragedWeights(0.5, model.trainable_variables)
    for kept in average.averages:
        kept.assign(kept + 0.01)
    facts = json.loads((run / "inputs.json").read_text())
    half = write_run(tmp_path / "half", model, facts, average=average)
    card = export_path(half, tmp_path / "out", **FEW)
    again = vatt.load(tmp_path / "out" / "safetensors").model
    assert card.facts()["precision"] == "float32" and again.audio.encoder.compute_dtype == "float32"
    for variable, kept in zip(again.trainable_variables, average.averages, strict=True):
        assert_near(variable, kept, 0)


def test_an_export_that_is_not_the_model_is_not_written(trained, tmp_path, monkeypatch):
    write = saved_model.write_saved_model

    def other_weights(directory, trained, *more):
        bias = trained.model.audio.encoder.final_norm.beta
        before = bias.numpy()
        bias.assign(before + 0.01)
        write(directory, trained, *more)
        bias.assign(before)

    monkeypatch.setattr(exporting.saved_model, "write_saved_model", other_weights)
    with pytest.raises(ExportError, match="within 1e-05. Received: the SavedModel.* in embed_audio"):
        export_model(trained, tmp_path / "fresh", formats=("saved_model",), modalities=("audio",))
    assert nothing_left(tmp_path)


@pytest.mark.parametrize("kind", ["safetensors", pytest.param("saved_model", marks=pytest.mark.slow)])
def test_a_full_disk_leaves_nothing(kind, trained, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # the kernel refuses to write beyond
    try:
        with pytest.raises(ExportError, match="fresh could not be written: .*[Nn]othing was left"):
            export_model(trained, tmp_path / "fresh", formats=(kind,), modalities=("audio",))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert nothing_left(tmp_path)


def test_a_rename_that_fails_leaves_nothing(trained, tmp_path, monkeypatch):
    rename = os.rename

    def refuse(source, target, **more):
        if Path(target) == tmp_path / "fresh":
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(target))
        return rename(source, target, **more)

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(ExportError, match="Input/output error.*[Nn]othing was left"):
        export_model(trained, tmp_path / "fresh", **FEW)
    assert nothing_left(tmp_path)
    monkeypatch.undo()
    export_model(trained, tmp_path / "fresh", **FEW)
    assert (tmp_path / "fresh/README.md").is_file()


def test_where_nobody_can_write_nothing_is_exported(trained):
    with pytest.raises(ExportError, match="/proc/vatt"):
        export_model(trained, "/proc/vatt/fresh", **FEW)


def test_what_is_refused(trained, out, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "foreign").mkdir()
    path = tmp_path / "fresh"
    features_alone = VATT(audio=trained.model.audio)
    wordpiece = SimpleNamespace(resources=None)
    cases = [
        (trained, out, {}, "place of an export must be free. Received: .*out, a directory"),
        (trained, tmp_path / "file", {}, "must be free. .*file, a file"),
        (trained, tmp_path / "file" / "fresh", FEW, "could not be written: File exists"),
        (trained, path, {"formats": ("caffe",)}, "`formats` must be .*'caffe'"),
        (trained, path, {"formats": ("hub",)}, "Add 'saved_model'"),
        (trained, path, {"formats": ("onnx_int8",)}, "Add 'onnx'"),
        (trained, path, {"modalities": ("smell",)}, "`modalities` must be of those .*'smell'"),
        (trained, path, {"naming": Naming(name="../x")}, "A name and a publisher must be words"),
        (dataclasses.replace(trained, model=features_alone), path, {}, "spaces or classes. Received: VATT"),
        (dataclasses.replace(trained, clip=None), path, {}, "clips must be known"),
        (dataclasses.replace(trained, tokenizer=None), path, {}, "tokenizer none .*--vocabulary_file"),
        (dataclasses.replace(trained, tokenizer=wordpiece), path, {}, "tokenizer SimpleNamespace"),
    ]
    for source, target, options, words in cases:
        with pytest.raises(ExportError, match=words):
            export_model(source, target, **options)
    with pytest.raises(ValueError, match="foreign, with checkpoints: none"):
        export_path(tmp_path / "foreign", path)
    with pytest.raises(ExportError, match="must be free"):
        export_path(tmp_path / "foreign", out)  # told before anything is opened
    assert nothing_left(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "modality"),
    [
        (lambda: tiny_vatt(log_mel=MEL, audio_patch=(4, 4)), "audio"),
        (lambda: small_vatt(agnostic=True, clip=CLIP, vocabulary_size=20, **PATCHES), "text"),
    ],
    ids=["spectrogram", "agnostic"],
)
def test_the_other_models(make, modality, run, tmp_path):
    """A waveform through its spectrogram, and words with positions of their own, wherever they run."""
    other = write_run(tmp_path / "other", make(), json.loads((run / "inputs.json").read_text()))
    formats = ("saved_model", "safetensors", "litert")
    card = export_path(other, tmp_path / "out", formats=formats, modalities=(modality,))
    assert len(card.formats) == 3 and max(card.formats.values()) <= 1e-5


@pytest.mark.slow
def test_a_released_checkpoint(tmp_path, folder):
    card = export_path(
        GOLDEN / "tx_fac_tiny",
        tmp_path / "out",
        vocabulary_file=_words(tmp_path),
        formats=("safetensors",),
        modalities=("text",),
    )
    assert (
        card.trained.tokenizer.release and "not recorded here" in (tmp_path / "out" / "README.md").read_text()
    )
    assert vatt.load(tmp_path / "out" / "safetensors").embed_text(["A Star."])["video_text"].shape[0] == 1


def _words(folder):
    path = folder / "words.txt"
    path.write_text("<pad>\n<unk>\na\nstar\n")
    return path


def test_the_command(run, tmp_path, capsys):
    keras.config.set_dtype_policy("float32")
    arguments = [
        "export",
        str(run),
        str(tmp_path / "out"),
        "--formats",
        "safetensors",
        "--modalities",
        "audio",
    ]
    assert cli.main(arguments) == 0
    said = capsys.readouterr().out
    assert "safetensors" in said and "golden embeddings" in said
    assert cli.main(arguments) == 2
    assert "must be free" in capsys.readouterr().err
