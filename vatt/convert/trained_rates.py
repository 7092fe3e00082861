"""The frame rate and sample rate that a model was trained at, from wherever the model is kept."""

import dataclasses
from pathlib import Path

from vatt.convert import keras_file, safetensors_model
from vatt.convert.released_inputs import clip_of_tables
from vatt.convert.run_directory import run_of
from vatt.json_file import read_object
from vatt.spec import AUDIO, VIDEO, Rates
from vatt.train.context import INPUTS_FILE


def trained_rates(path, model) -> Rates | None:
    """The rates of the clips that a model was trained on; None if unknown.

    Args:
        path: as in `vatt.convert.restore.pretrained_model`.
        model: what was loaded from there.
    """
    clip = _clip(Path(path).expanduser(), model)
    if clip is None:
        return None
    shown = clip.get("modalities") or ()
    return Rates(
        frame_rate_hz=_rate(clip.get("frame_rate_hz")) if VIDEO in shown else None,
        sample_rate_hz=_rate(clip.get("sample_rate_hz")) if AUDIO in shown else None,
    )


def _clip(path: Path, model) -> dict | None:
    """The fields of its `ClipSpec`."""
    if path.suffix == ".keras":
        return _of_facts(keras_file.input_facts_of(path))
    if safetensors_model.is_model(path):
        return _of_facts(safetensors_model.input_facts_of(path))
    run = run_of(path)
    if run is not None:
        described = run[0] / INPUTS_FILE
        return _of_facts(read_object(described)) if described.is_file() else None
    clip = clip_of_tables(model)
    return None if clip is None else dataclasses.asdict(clip)


def _of_facts(facts) -> dict | None:
    clip = facts.get("clip") if isinstance(facts, dict) else None
    return clip if isinstance(clip, dict) else None


def _rate(value) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
