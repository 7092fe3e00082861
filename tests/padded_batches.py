"""Batches of an evaluation as the pipeline gives them, from columns in memory."""

import numpy as np
import tensorflow as tf

from vatt import spec


def padded_batches(columns, batch_size):
    """Yields dicts of tensors; what is left of the last batch is zeros, which must not count."""
    for first in range(0, len(columns[spec.VALID]), batch_size):
        part = {key: column[first : first + batch_size] for key, column in columns.items()}
        missing = batch_size - len(part[spec.VALID])
        for key, column in part.items():
            blank = np.full((missing, *column.shape[1:]), b"" if column.dtype == object else 0, column.dtype)
            part[key] = np.concatenate([column, blank])
        yield {key: tf.convert_to_tensor(column) for key, column in part.items()}
