"""Golden embeddings: fixed inputs and what the Python model makes of them, kept in every export.

Users of an export can repeat them; `vatt export` does, and refuses to write an export that differs.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vatt.embed.embedder import outputs_of, unit_vectors
from vatt.embed.inputs import NO_WORDS
from vatt.embed.loading import Trained
from vatt.embed.media_encoder import MediaEncoder
from vatt.export.errors import ExportError
from vatt.files.array_file import read_npz
from vatt.models.classifier import IMAGE, Classifier
from vatt.spec import AUDIO, TEXT, VIDEO

TOLERANCE = 1e-5  # largest difference of a component of a unit vector
_ROWS = 2
_MOST_BYTES = 4 << 30  # of the file, unpacked
_BLOCK = 8  # pixels of one colour, so that the file stays small
_SENTENCES = 4
_SHORTEST = 4  # characters of a word that sentences are made of, where there are such


def golden_inputs(trained: Trained, modalities: Sequence[str]) -> dict[str, np.ndarray]:
    """Inputs by signature name: media of one and a half clips, wider than high; sentences of known words.

    Args:
        trained: whose clip and words they are for.
        modalities: wanted.
    """
    draw = np.random.default_rng(0)
    clip, inputs = trained.known_clip, {}
    if VIDEO in modalities:
        inputs["frames"] = _frames(draw, clip.frames + clip.frames // 2 + 1, clip.frame_size)
    if IMAGE in modalities:
        inputs["images"] = _frames(draw, 1, clip.frame_size)[:, 0]
    if AUDIO in modalities:
        samples = clip.samples + clip.samples // 2
        seconds = np.arange(samples) / clip.sample_rate_hz
        tones = np.sin(2 * np.pi * np.array([[220.0], [330.0]]) * seconds * (1 + seconds))
        noise = draw.normal(size=(_ROWS, samples))
        inputs["samples"] = (0.4 * tones + 0.05 * noise).clip(-1, 1).astype("float32")
    if TEXT in modalities:
        known = [word for word in trained.tokenizer.words if word not in NO_WORDS]
        words = [word for word in known if len(word) >= _SHORTEST] or known
        if not words:
            raise ExportError(
                f"A model that takes sentences must know a word. Received: {trained.source}, whose word list "
                "is empty. Leave text out of the modalities."
            )
        lengths = np.linspace(1, clip.words + 3, _SENTENCES).astype(int)  # the last ones are cut
        sentences = [" ".join(draw.choice(words, length)).capitalize() + "." for length in lengths]
        inputs["sentences"] = np.array(sentences)
    return inputs


def golden_outputs(
    trained: Trained, inputs: Mapping[str, np.ndarray], encoder: MediaEncoder
) -> dict[str, dict[str, np.ndarray]]:
    """What the Python model makes of them, signature -> output -> float32 [B, D]."""
    if isinstance(trained.model, Classifier):
        modality = trained.model.modality
        (media,) = inputs.values()
        media = media[:, np.newaxis] if modality == IMAGE else media
        seen = VIDEO if modality == IMAGE else modality
        made = encoder.means(seen, [media], {"logits": "logits"})
        return {f"classify_{modality}": {"logits": made["logits"].astype("float32")}}
    found = {}
    for modality, name in ((VIDEO, "frames"), (AUDIO, "samples"), (TEXT, "sentences")):
        if name not in inputs:
            continue
        outputs = outputs_of(modality)
        if modality == TEXT:
            ids = trained.tokenizer.encode(inputs[name].tolist(), length=trained.known_clip.words)
            made = encoder.encode(TEXT, ids, outputs)
        else:
            made = encoder.means(modality, [inputs[name]], outputs)
        found[f"embed_{modality}"] = unit_vectors(made)
    return found


def differences(
    wanted: Mapping[str, Mapping[str, np.ndarray]], got: Mapping[str, Mapping[str, np.ndarray]]
) -> dict[str, float]:
    """ "signature/output" -> the largest difference, relative to the largest value where that is above 1.

    Args:
        wanted, got: signature -> output -> [B, D].

    Raises:
        ExportError: an output is of another shape.
    """
    found = {}
    for signature, outputs in wanted.items():
        for name, rows in outputs.items():
            other = np.asarray(got[signature][name])
            if other.shape != rows.shape:
                raise ExportError(f"{signature}/{name} must be {rows.shape}. Received: {other.shape}.")
            scale = max(1.0, float(np.abs(rows).max()))
            gap = float(np.abs(other - rows).max()) / scale
            found[f"{signature}/{name}"] = gap if np.isfinite(other).all() else np.inf
    return found


def require_equal(found: dict[str, float], what: str, tolerance: float = TOLERANCE) -> None:
    """Raises unless all differences are within the tolerance."""
    worst = max(found, key=lambda name: found[name])
    if not found[worst] <= tolerance:
        raise ExportError(
            f"An export must give the numbers of the model, within {tolerance:g}. Received: {what}, which "
            f"differs by {found[worst]:.3g} in {worst}. Nothing was written; report this with the model's "
            "configuration."
        )


def save_golden(
    path: str | Path, inputs: Mapping[str, np.ndarray], outputs: Mapping[str, Mapping[str, np.ndarray]]
) -> None:
    """One `.npz` of both: "in/NAME" and "out/SIGNATURE/NAME"."""
    arrays = {f"in/{name}": values for name, values in inputs.items()}
    arrays |= {f"out/{s}/{name}": rows for s, made in outputs.items() for name, rows in made.items()}
    np.savez_compressed(path, allow_pickle=False, **arrays)


def read_golden(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, dict[str, np.ndarray]]]:
    """The two of a file that `save_golden` wrote."""
    inputs, outputs = {}, {}
    for key, values in read_npz(path, max_bytes=_MOST_BYTES).items():
        kind, _, name = key.partition("/")
        if kind == "in":
            inputs[name] = values
        else:
            signature, _, output = name.partition("/")
            outputs.setdefault(signature, {})[output] = values
    return inputs, outputs


def golden_hash(outputs: Mapping[str, Mapping[str, np.ndarray]]) -> str:
    """A hash of the golden embeddings to the bit, which names them; another machine may round otherwise, so
    two exports are compared by numbers.
    """
    digest = hashlib.sha256()
    for signature in sorted(outputs):
        for name in sorted(outputs[signature]):
            digest.update(f"{signature}/{name}".encode())
            digest.update(np.ascontiguousarray(outputs[signature][name], "<f4").tobytes())
    return digest.hexdigest()[:16]


def _frames(draw, frames, size) -> np.ndarray:
    """uint8 [B, T, H, W, 3]: coloured blocks that flicker, on frames half as wide again as high."""
    high, wide = size + _BLOCK, size + size // 2 + _BLOCK
    blocks = draw.integers(0, 256, (_ROWS, frames, -(-high // _BLOCK), -(-wide // _BLOCK), 3), "uint8")
    return blocks.repeat(_BLOCK, axis=2).repeat(_BLOCK, axis=3)[:, :, :high, :wide]
