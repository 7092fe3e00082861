"""Classifiers of video, audio and images as SavedModels: the logits of the Python model, its classes."""

import ast
import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from tests.goldens import assert_near
from tests.small_models import small_classifier
from tests.trained_run import CLIP, write_run
from vatt.data.description import describe_inputs
from vatt.embed.loading import open_trained
from vatt.embed.media_encoder import MediaEncoder
from vatt.export.errors import ExportError
from vatt.export.exporting import export_model
from vatt.spec import ClipSpec

PICTURE = ClipSpec(frames=1, frame_size=16, modalities=("video",))
LABELS = ("disc", "star", "bell")
DRAW = np.random.default_rng(4)
CASES = {
    "video": (CLIP, (2, 8, 8), DRAW.integers(0, 256, (2, 7, 20, 30, 3), "uint8"), "frames"),
    "audio": (CLIP, (40,), DRAW.uniform(-1, 1, (2, 950)).astype("float32"), "samples"),
    "image": (PICTURE, (2, 8, 8), DRAW.integers(0, 256, (2, 20, 30, 3), "uint8"), "images"),
}


def exported(modality, folder, **options):
    clip, patch, given, name = CASES[modality]
    model = small_classifier(modality=modality, clip=clip, patch=patch, views=2)
    for weight in model.weights:
        weight.assign(weight + 0.1 * DRAW.normal(size=weight.shape))
    run = write_run(folder / "run", model, describe_inputs(clip, None, LABELS))
    trained = open_trained(run)
    formats = ("saved_model", "litert") if modality == "image" else ("saved_model",)
    card = export_model(trained, folder / "out", formats=formats, **options)
    return trained, card, tf.saved_model.load(str(folder / "out" / "saved_model")), given, name


@pytest.mark.slow
@pytest.mark.parametrize("modality", CASES)
def test_scores_of_any_size_and_length(modality, tmp_path):
    trained, card, module, given, name = exported(modality, tmp_path)
    made = module.signatures[f"classify_{modality}"](**{name: tf.constant(given)})
    media = given[:, None] if modality == "image" else given
    seen = "video" if modality == "image" else modality
    trained.model.views = 1
    wanted = MediaEncoder(trained.model, trained.clip).means(seen, [media], {"logits": "logits"})["logits"]
    assert_near(made["logits"], wanted, 1e-5)
    several = modality == "audio"  # nothing was measured, so the paper's rule decides
    scores = 1 / (1 + np.exp(-wanted)) if several else np.exp(wanted) / np.exp(wanted).sum(1, keepdims=True)
    assert_near(made["scores"], scores, 1e-5)
    assert_near(module(tf.constant(given))["logits"], wanted, 1e-5)
    labels = (tmp_path / "out" / "saved_model" / "assets.extra" / "labels.txt").read_text().split()
    assert tuple(labels) == LABELS and card.facts()["several_labels"] == several
    example = (tmp_path / "out" / "README.md").read_text().split("```python\n")[1].split("```")[0]
    assert f"= module.classify_{modality}({name})  # " in example and ast.parse(example)
    assert "Classes, in order: disc, star, bell" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.slow
def test_an_evaluation_tells_whether_a_clip_has_several_classes(tmp_path):
    trained, *_ = exported("audio", tmp_path)
    from vatt.evals.protocol_card import weights_fingerprint

    folder = tmp_path / "run" / "evaluations"
    folder.mkdir()
    protocol = {"weights": weights_fingerprint(trained.model), "kind": "single"}
    content = {"metrics": {"demo/top_1": 0.5}, "artifact": {"protocol": protocol}}
    (folder / "demo.json").write_text(json.dumps(content))
    card = export_model(trained, tmp_path / "again", formats=("safetensors",))
    assert card.several_labels is False
    assert "| `demo/top_1` | 0.5 |" in (tmp_path / "again" / "README.md").read_text()


def test_what_is_refused(tmp_path):
    made_elsewhere = small_classifier(modality="spectrogram", sizes=(32, 10))
    run = write_run(tmp_path / "run", made_elsewhere, describe_inputs(CLIP, None, LABELS))
    with pytest.raises(ExportError, match="LogMel"):
        export_model(open_trained(run), tmp_path / "out")
    trained = dataclasses.replace(open_trained(run), model=small_classifier(modality="audio", sizes=(256,)))
    with pytest.raises(ExportError, match="takes the modality that it was trained on"):
        export_model(trained, tmp_path / "out", modalities=("video",))
