"""What a dry run prints: the first batch, feature by feature, and the model's size, part by part."""

import logging
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from vatt.protocols import Batch

_log = logging.getLogger(__name__)


def describe_batch(batch: Batch, batch_size: int) -> None:
    """Shape, type and range of every feature of the first rows of a batch of this size."""
    rows = next(iter(batch.values())).shape[0]
    _log.info("First batch%s:", "" if rows == batch_size else f", {rows} of its {batch_size:,} rows")
    for name, value in batch.items():
        numbers = np.asarray(value, np.float32)
        _log.info(
            "  %-14s %-8s %-22s min %g  mean %g  max %g",
            name,
            np.asarray(value).dtype.name,
            numbers.shape,
            numbers.min(),
            numbers.mean(),
            numbers.max(),
        )


def describe_model(model: Any) -> None:
    """Trainable weights of each part of a built model."""
    parts: dict[str, int] = {}
    for variable in model.trainable_variables:
        part = "/".join(variable.path.split("/")[:2])
        parts[part] = parts.get(part, 0) + count_weights([variable])
    _log.info("Model: %s trainable weights, by part:", f"{sum(parts.values()):,}")
    for part, count in parts.items():
        _log.info("  %-40s %12s", part, f"{count:,}")


def count_weights(variables: Iterable[Any]) -> int:
    """Numbers in all variables together."""
    return sum(math.prod(variable.shape) for variable in variables)
