"""Keeps the batch of a step that went wrong: `bad_batches/step-STEP-worker-N.npz` in the run directory.

The host never holds a batch: what is written here is made again, which gives the same one to the bit, since
batch number n is a pure function of the seed and n.
"""

from pathlib import Path
from typing import Any

import numpy as np

from vatt import spec
from vatt.files.whole_file import own_folder, whole_file
from vatt.protocols import Batch

_MOST_BYTES = 256 * 2**20  # of one file, before compression: a batch of a large run has gigabytes


def write_batch(directory: Path, batch: Batch, *, step: int, worker: int = 0) -> Path:
    """Writes one batch, whole or not at all.

    The file holds `example_index` of every row, and the features of as many rows as fit, named by `rows`
    (int64 [R]): those with a number that is not finite first.

    Args:
        directory: made if absent.
        batch: as made by `train_batches`.
        step: the training step it is for, from 1.
        worker: whose rows these are.
    """
    features = {name: np.asarray(value) for name, value in batch.items()}
    index = features[spec.EXAMPLE_INDEX]
    row_bytes = sum(value.nbytes for value in features.values()) / len(index)
    suspects = np.zeros(len(index), bool)
    for value in features.values():
        if np.issubdtype(value.dtype, np.floating):
            suspects |= ~np.isfinite(value).all(axis=tuple(range(1, value.ndim)))
    by_suspicion = np.argsort(~suspects, kind="stable")
    rows = by_suspicion[: max(1, int(_MOST_BYTES / row_bytes))]
    kept: dict[str, Any] = {n: value[rows] for n, value in features.items() if n != spec.EXAMPLE_INDEX}
    kept |= {"rows": rows, spec.EXAMPLE_INDEX: index}
    own_folder(directory)
    path = directory / f"step-{step}-worker-{worker}.npz"
    with whole_file(path) as file:
        np.savez_compressed(file, **kept)
    return path
