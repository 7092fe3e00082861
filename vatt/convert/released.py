"""Checkpoints of the original release ↔ our models, with a report that leaves no variable unexplained."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vatt.convert.checkpoint import Checkpoint, write_checkpoint
from vatt.convert.loading import Shapes, copies, fill, match, require_complete
from vatt.convert.released_architecture import assumed_heads, released_model
from vatt.convert.released_names import released_names
from vatt.convert.report import LoadReport
from vatt.models.classifier import Classifier
from vatt.models.vatt import VATT


def load_released(
    path: str | Path,
    *,
    head_width: int | None = None,
    allow_missing: Sequence[str] = (),
    allow_unused: Sequence[str] = (),
) -> tuple[Any, LoadReport]:
    """Our model with the weights of a released checkpoint, pre-trained or fine-tuned.

    Returns:
        (`VATT` or `Classifier`; `LoadReport`). Raises `ConversionError` unless complete.
    """
    model, report = convert_released(path, head_width=head_width)
    require_complete(report, allow_missing, allow_unused)
    return model, report


def convert_released(path: str | Path, *, head_width: int | None = None) -> tuple:
    """As `load_released`, without judging the report."""
    checkpoint = Checkpoint(path)
    model = released_model(checkpoint.shapes, head_width)
    report = match_released(model, checkpoint.shapes, source=checkpoint.prefix)
    report.skipped = checkpoint.skipped
    report.assumed = assumed_heads(checkpoint.shapes, head_width)
    fill(report, copies(released_names(model)), checkpoint.read)
    return model, report


def match_released(model: Any, shapes: Shapes, *, source: str) -> LoadReport:
    """The report on filling `model` from a released checkpoint of these shapes; reads no weights."""
    return match(copies(released_names(model)), shapes, source=source, target=describe(model))


def to_released(model: Any) -> dict[str, np.ndarray]:
    """Name in the release -> array, for every weight of the model, bit for bit."""
    return {name: np.asarray(variable) for name, variable in released_names(model).items()}


def write_released(model: Any, prefix: str | Path) -> None:
    """Writes the model as a checkpoint that the original release's objects restore from."""
    write_checkpoint(to_released(model), prefix)


def describe(model: Any) -> str:
    """The model in a line: its class and the sizes of its encoders."""
    if isinstance(model, VATT) and model.shares_encoder:
        encoders = {"one encoder": model.towers["video"].encoder}
    else:
        encoders = {modality: tower.encoder for modality, tower in model.towers.items()}
    sizes = [f"{name} {encoder.summary}" for name, encoder in encoders.items()]
    classes = f", {model.classes} classes" if isinstance(model, Classifier) else ""
    return f"{type(model).__name__} ({', '.join(sizes)}{classes})"
