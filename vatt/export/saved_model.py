"""Writes a SavedModel, loads it again, and has it give the golden embeddings."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from vatt.embed.loading import Trained
from vatt.export.golden import differences, save_golden
from vatt.export.module import ExportedClassifier, ExportedEmbedder
from vatt.layers.lean import framework_gradients
from vatt.models.classifier import Classifier

FOLDER = "saved_model"
GOLDEN = "assets.extra/golden.npz"  # a folder of the SavedModel that TensorFlow leaves to its users


def write_saved_model(
    directory: Path, trained: Trained, modalities: Sequence[str], several_labels: bool
) -> None:
    """Writes the SavedModel of a model."""
    with framework_gradients():
        if isinstance(trained.model, Classifier):
            module = ExportedClassifier(trained, several_labels)
        else:
            module = ExportedEmbedder(trained, modalities)
        options = tf.saved_model.SaveOptions(experimental_custom_gradients=True)
        tf.saved_model.save(module, str(directory), signatures=module.signature_functions, options=options)


def add_golden(
    directory: Path, inputs: Mapping[str, np.ndarray], outputs: Mapping[str, Mapping[str, np.ndarray]]
) -> None:
    """Keeps the golden embeddings inside the SavedModel."""
    path = directory / GOLDEN
    path.parent.mkdir(exist_ok=True)
    save_golden(path, inputs, outputs)


def saved_model_differences(
    directory: Path, inputs: Mapping[str, np.ndarray], outputs: Mapping[str, Mapping[str, np.ndarray]]
) -> dict[str, float]:
    """How far a SavedModel, loaded anew, is from golden embeddings; see `differences`."""
    loaded = tf.saved_model.load(str(directory))
    got = {}
    for signature in outputs:
        (name,) = loaded.signatures[signature].structured_input_signature[1]
        given = {name: tf.constant(inputs[name])}
        got[signature] = {
            key: np.asarray(value) for key, value in loaded.signatures[signature](**given).items()
        }
    return differences(outputs, got)


def signature_table(trained: Trained, modalities: Sequence[str]) -> list[tuple[str, str, str]]:
    """(signature, input, outputs) of every signature, in words."""
    clip, model = trained.known_clip, trained.model
    frames = (
        f"`frames` uint8 [B, T, H, W, 3]: RGB in [0, 255], any size and length, at "
        f"{clip.frame_rate_hz:g} frames a second"
    )
    samples = (
        "`samples` float32 [B, S]: one channel in [-1, 1], any length, at "
        f"{clip.sample_rate_hz:,} samples a second"
    )
    if isinstance(model, Classifier):
        images = "`images` uint8 [B, H, W, 3]: RGB in [0, 255], any size"
        given = {"video": frames, "audio": samples, "image": images}[model.modality]
        outputs = f"`logits`, `scores` float32 [B, {model.classes}]"
        return [(f"classify_{model.modality}", given, outputs)]
    widths = model.spaces.widths
    both = ", ".join(f"`{space}` float32 [B, {width}]" for space, width in widths.items())
    words = f"`sentences` string [B]: UTF-8; the first {clip.words} words are read"
    rows = {
        "video": ("embed_video", frames, both),
        "audio": ("embed_audio", samples, both),
        "text": ("embed_text", words, f"`video_text` float32 [B, {widths['video_text']}]"),
    }
    tokenize = ("tokenize", words, f"`ids` int32 [B, {clip.words}]")
    return (
        [rows[modality] for modality in modalities]
        + [tokenize] * ("text" in modalities)
        + [("similarity", "`left` float32 [N, D], `right` float32 [M, D]", "`cosine` float32 [N, M]")]
    )
