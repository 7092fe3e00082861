"""Checkpoints of the original release ↔ our models, with a report that leaves no variable unexplained."""

import numpy as np

from vatt.convert.checkpoint import Checkpoint, write_checkpoint
from vatt.convert.loading import copies, fill, match, require_complete
from vatt.convert.released_architecture import assumed_heads, read_architecture
from vatt.convert.released_names import released_names
from vatt.convert.report import LoadReport


def load_released(path, *, head_width=None, allow_missing=(), allow_unused=()):
    """Our model with the weights of a released checkpoint, pre-trained or fine-tuned.

    Args:
        path: prefix or directory, see `Checkpoint`.
        head_width: features per attention head, see `read_architecture`.
        allow_missing, allow_unused: see `LoadReport.problems`.

    Returns:
        (`VATT`, `AgnosticVATT` or `Classifier`; `LoadReport`). Raises `ConversionError` unless complete.
    """
    model, report = convert_released(path, head_width=head_width)
    require_complete(report, allow_missing, allow_unused)
    return model, report


def convert_released(path, *, head_width=None) -> tuple:
    """As `load_released`, without judging the report."""
    checkpoint = Checkpoint(path)
    constructor, config = read_architecture(checkpoint.shapes, head_width)
    model = constructor(**config)
    report = match_released(model, checkpoint.shapes, source=checkpoint.prefix)
    report.skipped = checkpoint.skipped
    report.assumed = assumed_heads(checkpoint.shapes, head_width)
    fill(report, copies(released_names(model)), checkpoint.read)
    return model, report


def match_released(model, shapes, *, source) -> LoadReport:
    """The report on filling `model` from a released checkpoint of these shapes; reads no weights."""
    return match(copies(released_names(model)), shapes, source=source, target=describe(model))


def to_released(model) -> dict[str, np.ndarray]:
    """Name in the release -> array, for every weight of the model, bit for bit."""
    return {name: np.asarray(variable) for name, variable in released_names(model).items()}


def write_released(model, prefix) -> None:
    """Writes the model as a checkpoint that the original release's objects restore from."""
    write_checkpoint(to_released(model), prefix)


def describe(model) -> str:
    """The model in a line: its class and the sizes of its Transformers."""
    config = model.get_config()
    sizes = []
    for key in ("video", "audio", "text", "size"):
        if key in config:
            size = config[key]
            sizes.append(f"{key} {size.depth} × {size.width}")
    classes = f", {config['classes']} classes" if "classes" in config else ""
    return f"{type(model).__name__} ({', '.join(sizes)}{classes})"
