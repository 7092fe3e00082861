"""A random part of an evaluation set, the same part whatever the batch size."""

import logging

import numpy as np

from vatt import spec
from vatt.protocols import Dataset

_log = logging.getLogger(__name__)


class SampledClips:
    """So many records of a dataset, drawn without replacement; all of them where there are no more.

    What is not drawn is read, but never reaches the model.

    Args:
        dataset: gives `eval_batches`, and `eval_size` if there is something to choose.
        clips: records wanted; None for all.
        seed: of the choice.
    """

    def __init__(self, dataset: Dataset, *, clips: int | None, seed: int):
        if clips is not None and clips < 1:
            raise ValueError(f"`clips` must be at least 1, or None for all. Received: clips={clips}.")
        self._dataset = dataset
        self._clips, self._seed = clips, seed
        self.name = dataset.name
        self.label_names = tuple(getattr(dataset, "label_names", ()))
        self.clip = getattr(dataset, "clip", None)
        self.vocabulary = getattr(dataset, "vocabulary", None)

    @property
    def eval_facts(self) -> dict | None:
        """Those of the dataset, and what was drawn."""
        facts = getattr(self._dataset, "eval_facts", None)
        drawn = {"clips_wanted": self._clips, "clips_seed": self._seed} if self._clips is not None else {}
        return dict(facts) | drawn if facts else None

    def eval_batches(self, *, batch_size: int):
        """As `vatt.protocols.Dataset`, of the drawn records alone, in their order."""
        wanted = self._chosen()
        batches = self._dataset.eval_batches(batch_size=batch_size)
        if wanted is None:
            yield from batches
            return
        held: dict[str, list[np.ndarray]] = {}
        count = 0
        for batch in batches:
            rows = np.flatnonzero(
                (np.asarray(batch[spec.VALID]) > 0) & np.isin(np.asarray(batch[spec.EXAMPLE_INDEX]), wanted)
            )
            for key, column in batch.items():
                held.setdefault(key, []).append(np.asarray(column)[rows])
            count += len(rows)
            if count >= batch_size:
                columns = {key: np.concatenate(parts) for key, parts in held.items()}
                yield {key: column[:batch_size] for key, column in columns.items()}
                held = {key: [column[batch_size:]] for key, column in columns.items()}
                count -= batch_size
        if count:
            yield {key: _filled(np.concatenate(parts), batch_size) for key, parts in held.items()}

    def _chosen(self) -> np.ndarray | None:
        """Numbers of the drawn records, rising; None for all."""
        if self._clips is None:
            return None
        size = getattr(self._dataset, "eval_size", None)
        if size is None:
            raise ValueError(
                "Clips are drawn from a set whose size is known. Received: dataset "
                f"{self.name!r} without `eval_size`. Set `clips` to None, for all of them."
            )
        if size <= self._clips:
            if size < self._clips:
                _log.info("%d clips asked for; %s has %d: all are taken.", self._clips, self.name, size)
            return None
        return np.sort(np.random.default_rng(self._seed).choice(size, self._clips, replace=False))


def _filled(column: np.ndarray, rows: int) -> np.ndarray:
    """A column with rows of zeros behind, as the pipeline fills its last batch; `VALID` is 0 there."""
    missing = rows - len(column)
    blank = np.full((missing, *column.shape[1:]), b"" if column.dtype == object else 0, column.dtype)
    return np.concatenate([column, blank])
