"""What is recorded of a model's inputs, wherever the model is kept (`vatt.data.description`)."""

from pathlib import Path
from typing import Any

from vatt.convert import keras_file, safetensors_model
from vatt.convert.released_inputs import clip_of_tables
from vatt.convert.run_directory import run_of
from vatt.data.description import describe_inputs
from vatt.files.json_file import read_object
from vatt.spec import AUDIO, VIDEO, Rates
from vatt.train.context import INPUTS_FILE


def input_facts(path: str | Path, model: Any) -> dict[str, Any] | None:
    """The facts on a model's inputs; None where nothing is recorded.

    Args:
        model: what was loaded from there; that of a released checkpoint has them in its position tables.
    """
    path = Path(path).expanduser()
    if path.suffix == ".keras":
        return keras_file.input_facts_of(path)
    if safetensors_model.is_model(path):
        return safetensors_model.input_facts_of(path)
    if (run := run_of(path)) is not None:
        return run_facts(run[0])
    clip = clip_of_tables(model)
    return None if clip is None else describe_inputs(clip, None)


def run_facts(directory: Path) -> dict[str, Any] | None:
    """The same of a run directory."""
    path = directory / INPUTS_FILE
    return read_object(path) if path.exists() else None


def trained_rates(path: str | Path, model: Any) -> Rates | None:
    """The frame rate and sample rate of the clips that a model was trained on; None if unknown."""
    facts = input_facts(path, model)
    clip = facts.get("clip") if isinstance(facts, dict) else None
    if not isinstance(clip, dict):
        return None
    shown = clip.get("modalities") or ()
    return Rates(
        frame_rate_hz=_rate(clip.get("frame_rate_hz")) if VIDEO in shown else None,
        sample_rate_hz=_rate(clip.get("sample_rate_hz")) if AUDIO in shown else None,
    )


def _rate(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
