"""What a dry run prints: the first batch, feature by feature, and the model's size, part by part."""

import logging

import tensorflow as tf

_log = logging.getLogger(__name__)


def describe_batch(batch) -> None:
    """Shape, kind and range of every feature of a batch."""
    _log.info("First batch:")
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
