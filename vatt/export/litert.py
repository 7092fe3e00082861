"""The encoders for LiteRT (`.tflite`): one clip at a time, of fixed sizes, in float32.

Windows, resizing and words are the caller's there: what would do them on the device differs from platform to
platform. The text encoder takes the ids of `words.txt`, whose lines they number.
"""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from vatt.embed.embedder import outputs_of, unit_vectors
from vatt.embed.loading import Trained
from vatt.embed.media_encoder import MediaEncoder
from vatt.embed.windows import audio_window, video_window
from vatt.export.errors import ExportError
from vatt.export.golden import differences, save_golden
from vatt.files.whole_file import temporary_folder
from vatt.layers.pixels import normalised_pixels
from vatt.models.classifier import IMAGE, Classifier
from vatt.spec import AUDIO, TEXT, VIDEO

FOLDER = "litert"
WORDS_FILE = "words.txt"
INPUTS = {VIDEO: "frames", IMAGE: "image", AUDIO: "samples", TEXT: "ids"}  # modality -> name of its argument


def write_encoders(
    folder: Path,
    trained: Trained,
    encoder: MediaEncoder,
    modalities: Sequence[str],
    inputs: Mapping[str, np.ndarray],
) -> dict[str, float]:
    """Writes `MODALITY.tflite` for each modality, compares it with the Python model, and keeps what was
    compared in `golden.npz`.

    Args:
        inputs: golden inputs, of which the first clips are compared.

    Returns:
        file name -> the largest difference.
    """
    folder.mkdir()
    found, given, outputs = {}, {}, {}
    for modality in modalities:
        rows, seen = _rows(modality, trained, inputs)
        content = _converted(modality, trained, rows, seen)
        path = folder / f"{modality}.tflite"
        path.write_bytes(content)
        given[INPUTS[modality]], outputs[modality] = (
            rows,
            _wanted(modality, trained.model, encoder, rows, seen),
        )
        got = _run(path, modality, rows)
        found[path.name] = max(differences({modality: outputs[modality]}, {modality: got}).values())
    save_golden(folder / "golden.npz", given, outputs)
    if TEXT in modalities:
        lines = "".join(f"{word}\n" for word in trained.tokenizer.words)
        (folder / WORDS_FILE).write_text(lines, encoding="utf-8")
    return found


def _outputs(model, modality) -> dict[str, str]:
    """Name -> output of the model."""
    if isinstance(model, Classifier):
        return {"logits": "logits"}
    return outputs_of(modality)


def _rows(modality, trained, inputs) -> tuple[np.ndarray, str]:
    """The first clip of each golden input as the encoder takes it, and what `MediaEncoder` calls it."""
    clip = trained.clip
    if modality == VIDEO:
        return video_window(tf.constant(inputs["frames"]), 0, clip).numpy(), VIDEO
    if modality == IMAGE:
        return video_window(tf.constant(inputs["images"][:, np.newaxis]), 0, clip).numpy()[:, 0], VIDEO
    if modality == AUDIO:
        return audio_window(tf.constant(inputs["samples"]), 0, clip).numpy(), AUDIO
    return trained.tokenizer.encode(inputs["sentences"].tolist(), length=clip.words), TEXT


def _converted(modality, trained, rows, seen) -> bytes:
    model, outputs = trained.model, _outputs(trained.model, modality)
    spec = tf.TensorSpec([1, *rows.shape[1:]], rows.dtype, name=INPUTS[modality])

    @tf.function(input_signature=[spec], autograph=False)
    def encode(given):
        signal = given
        if seen == VIDEO:
            signal = normalised_pixels(given)
        made = model({modality: signal}, training=False)
        values = {name: tf.cast(made[output], tf.float32) for name, output in outputs.items()}
        return values if isinstance(model, Classifier) else _unit(values)

    module: Any = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    module.encode = encode
    with temporary_folder(name="litert") as folder, warnings.catch_warnings(action="ignore"):
        tf.saved_model.save(module, str(folder), signatures={modality: encode})
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=[modality])
        try:
            return converter.convert()
        except Exception as error:  # the converter's own classes, which differ from release to release
            reason = str(error).strip().splitlines()[0].rstrip(".")
            raise ExportError(
                f"LiteRT must have every operation of the encoder for {modality}. Received: {reason}. Leave "
                "'litert' out of the formats."
            ) from error


def _unit(values):
    return {name: tf.math.l2_normalize(rows, axis=-1) for name, rows in values.items()}


def _wanted(modality, model, encoder, rows, seen) -> dict[str, np.ndarray]:
    media = rows[:, np.newaxis] if modality == IMAGE else rows
    made = encoder.encode(seen, media, _outputs(model, modality))
    return made if isinstance(model, Classifier) else unit_vectors(made)


def _run(path, modality, rows) -> dict[str, np.ndarray]:
    with warnings.catch_warnings(action="ignore"):  # TensorFlow's own interpreter says that it will move
        interpreter = tf.lite.Interpreter(model_path=str(path))
    runner = interpreter.get_signature_runner(modality)
    (name,) = runner.get_input_details()
    each = [runner(**{name: row[np.newaxis]}) for row in rows]
    return {output: np.concatenate([made[output] for made in each]) for output in each[0]}
