"""What a dry run prints: the first batch, feature by feature, and the model's size, part by part."""

import logging

import tensorflow as tf

_log = logging.getLogger(__name__)


# A batch of the paper's size takes 10 GB, and a dry run is for a machine without the means of the run.
_ROWS = 32


def shares(batch_size: int) -> int:
    """Into how many equal shares a batch is cut so that one of them is small enough to look at."""
    return next(
        count
        for count in range(1, batch_size + 1)
        if batch_size % count == 0 and batch_size // count <= _ROWS
    )


def describe_batch(batch, batch_size: int) -> None:
    """Shape, kind and range of every feature of the first rows of a batch of so many."""
    rows = next(iter(batch.values())).shape[0]
    _log.info("First batch%s:", "" if rows == batch_size else f", {rows} of its {batch_size:,} rows")
    for name, value in batch.items():
        numbers = tf.cast(value, tf.float32)
        _log.info(
            "  %-14s %-8s %-22s min %g  mean %g  max %g",
            name,
            value.dtype.name,
            tuple(value.shape),
            tf.reduce_min(numbers),
            tf.reduce_mean(numbers),
            tf.reduce_max(numbers),
        )


def describe_model(model) -> None:
    """Trainable weights of each part of a built model."""
    parts: dict[str, int] = {}
    for variable in model.trainable_variables:
        part = "/".join(variable.path.split("/")[:2])
        parts[part] = parts.get(part, 0) + count_weights([variable])
    _log.info("Model: %s trainable weights, by part:", f"{sum(parts.values()):,}")
    for part, count in parts.items():
        _log.info("  %-40s %12s", part, f"{count:,}")


def count_weights(variables) -> int:
    """Numbers in all variables together."""
    return sum(int(tf.size(variable)) for variable in variables)
