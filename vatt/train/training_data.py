"""The training batches of a run, and all that the trainer reads off a dataset."""

import functools
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from vatt.engines.workers import Workers
from vatt.files.whole_file import write_text
from vatt.protocols import Batch, Dataset
from vatt.spec import VIDEO, ClipSpec, PatchesRead
from vatt.train.context import INPUTS_FILE
from vatt.train.identity import identity

_log = logging.getLogger(__name__)

# A batch of the paper's size takes 5.6 GB, and a dry run is for a machine without the means of the run.
_FEW_ROWS = 32
# Rows of the batch that variables are made from: as few as possible, two so that no statistic is degenerate.
_BUILD_ROWS = 2


class TrainingData:
    """This worker's rows of the batches of one run.

    Args:
        dataset: as in `vatt/protocols.py`.
        batch_size: rows of a global batch.
        seed: keys the order and every draw.
        workers: among which rows are divided.
        reads: of `patches_read`, for batches of nothing else.

    Attributes:
        info: of the dataset.
        facts: what must not change within a run, see `identity`.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        batch_size: int,
        seed: int,
        workers: Workers,
        reads: Mapping[str, PatchesRead] = MappingProxyType({}),
    ):
        self._dataset = dataset
        self.info = dataset.info
        self._batch_size = batch_size
        self._seed = seed
        self._workers = workers
        self._reads = {"reads": reads} if reads else {}
        self.facts = identity(dataset, batch_size=batch_size, seed=seed)
        self.first = functools.lru_cache(maxsize=1)(self.batches)  # making them takes a second

    def batches(self, step: int) -> Any:
        """A `tf.data.Dataset` of the batches from number `step` on."""
        return self._batches(step, **self._own_shard(), **self._reads)

    def few_rows(self) -> Any:
        """Like `batches(0)`, with rows few enough to look at."""
        sizes = range(1, self._batch_size + 1)
        count = next(n for n in sizes if self._batch_size % n == 0 and self._batch_size // n <= _FEW_ROWS)
        return self._batches(0, **_shard(self._workers.index % count, count), **self._reads)

    def batch(self, step: int) -> Batch:
        """Batch number `step`, made again: the same to the bit, but of whole clips."""
        return next(iter(self._batches(step, **self._own_shard())))

    def _own_shard(self) -> dict[str, int]:
        count = self._workers.count
        return _shard(self._workers.index, count) if count > 1 else {}

    def warn_of_few_clips(self, steps: int) -> None:
        """Logs how often a run sees each clip, and warns where one batch holds a clip more than once.

        A contrastive loss takes every other row for a negative, and a clip's own copy among them.
        """
        clips, batch_size = self.info.train_size, self._batch_size
        if not clips:
            return
        _log.info(
            "%s clips for training: each is seen %.3g times in %d steps of %d.",
            f"{clips:,}",
            steps * batch_size / clips,
            steps,
            batch_size,
        )
        if clips < batch_size:
            _log.warning(
                "A batch holds clips more than once: it has %d rows, and the set %d clips for training. "
                "Prepare more, or take a smaller batch (`Trainer.batch_size`, --batch_size %d).",
                batch_size,
                clips,
                1 << (clips.bit_length() - 1),
            )

    def describe(self, model_dir: Path) -> None:
        """Writes what a reader of the model needs: its inputs, words, classes."""
        info = self.info
        if info.input_facts is not None:
            write_text(model_dir / INPUTS_FILE, json.dumps(info.input_facts, indent=1, ensure_ascii=False))
        lists = {
            "vocabulary.txt": info.tokenizer and info.tokenizer.words,
            "labels.txt": info.label_names or None,
        }
        for name, lines in lists.items():
            if lines is not None:
                write_text(model_dir / name, "".join(f"{line}\n" for line in lines))

    def _batches(self, step: int, **options: Any):
        return self._dataset.train_batches(
            batch_size=self._batch_size, first_step=step, seed=self._seed, **options
        )


def patches_read(model: Any, device_inputs: Any, clip: ClipSpec | None) -> dict[str, PatchesRead]:
    """By modality, what a step reads of the signals of such clips where a host may leave out the rest, see
    `Execution.host_drop_token`; nothing of clips whose size is not known."""
    if clip is None or not hasattr(model, "patches_read"):
        return {}
    found = model.patches_read()
    if getattr(getattr(device_inputs, "colour", None), "needs_whole_clips", False):
        found.pop(VIDEO, None)
    return {modality: read for modality, read in found.items() if read.sizes == clip.sizes(modality)}


def rows_like(batches: Any) -> Batch:
    """A few rows of zeros with the features of a `tf.data.Dataset` of batches: what a model is built on."""
    return {
        name: np.zeros((_BUILD_ROWS, *kind.shape[1:]), kind.dtype.as_numpy_dtype)
        for name, kind in batches.element_spec.items()
    }


def _shard(index: int, count: int) -> dict[str, int]:
    return {"shard_index": index, "shard_count": count}
