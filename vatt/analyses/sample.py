"""Evaluators of a random part of an evaluation set, the same part whatever the batch size."""

import dataclasses
import functools
import logging
from collections.abc import Iterable, Mapping
from typing import Any, cast

import numpy as np

from vatt import spec
from vatt.evals.base import EvaluatorBase
from vatt.evals.embedding import EmbeddedClips, embed_clips
from vatt.protocols import Batch, Dataset, DatasetInfo, Model

_log = logging.getLogger(__name__)


class SampledEvaluator(EvaluatorBase):
    """Base of evaluators that look at some clips of a set, drawn at random.

    Args:
        name, dataset, batch_size: see `EvaluatorBase`.
        clips, seed: see `SampledClips`.
    """

    def __init__(self, *, name: str, dataset: Dataset, batch_size: int, clips: int | None, seed: int):
        sampled = SampledClips(dataset, clips=clips, seed=seed)
        # Evaluators read no training batches.
        super().__init__(name=name, dataset=cast(Dataset, sampled), batch_size=batch_size)
        self.clips = clips
        self.seed = seed

    def _embedded(self, model: Model, outputs: Iterable[str], **options: Any) -> EmbeddedClips:
        """The drawn clips; `options` as in `embed_clips`."""
        self.check(model)
        encode = self._encoder(model, sorted(set(outputs)))
        return embed_clips(encode, self.dataset, batch_size=self.batch_size, **options)

    def _card(self, model: Model, settings: dict[str, Any]) -> dict[str, Any]:
        return super()._card(model, {"clips_wanted": self.clips or "all", "seed": self.seed, **settings})

    def _refused(self, rule: str, clips: int, held: Mapping[str, int] | None, way_out: str) -> ValueError:
        """The error for clips that have nothing to look at; `held`: modality -> clips that have it."""
        what = "none with it" if held is None else f"by modality {dict(held)}"
        return ValueError(
            f"{rule} Received: {clips} clips of dataset {self.dataset.info.name!r}, {what}. {way_out}"
        )


def held_by(embedded: EmbeddedClips) -> dict[str, int]:
    """Modality -> clips that have it."""
    return {modality: len(owners) for modality, owners in embedded.owners.items()}


class SampledClips:
    """A number of records of a dataset, drawn without replacement; all of them where there are no more.

    What is not drawn is read, but never reaches the model.

    Args:
        dataset: gives `eval_batches`, and its `eval_size` if there is something to choose.
    """

    def __init__(self, dataset: Dataset, *, clips: int | None, seed: int):
        if clips is not None and clips < 1:
            raise ValueError(f"`clips` must be at least 1, or None (all). Received: clips={clips}.")
        self._dataset = dataset
        self._clips, self._seed = clips, seed

    @functools.cached_property
    def info(self) -> DatasetInfo:
        """That of the dataset, and what was drawn."""
        info = self._dataset.info
        if self._clips is None or not info.eval_facts:
            return info
        drawn = {"clips_wanted": self._clips, "clips_seed": self._seed}
        return dataclasses.replace(info, eval_facts=info.eval_facts | drawn)

    def eval_batches(self, *, batch_size: int) -> Iterable[Batch]:
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
        """Numbers of the drawn records, ascending; None: all."""
        if self._clips is None:
            return None
        size = self.info.eval_size
        if size is None:
            raise ValueError(
                "Clips are drawn from a set whose size is known. Received: dataset "
                f"{self.info.name!r} without `eval_size`. Set `clips` to None, for all of them."
            )
        if size <= self._clips:
            if size < self._clips:
                _log.info("%d clips asked for; %s has %d: all are taken.", self._clips, self.info.name, size)
            return None
        return np.sort(np.random.default_rng(self._seed).choice(size, self._clips, replace=False))


def _filled(column: np.ndarray, rows: int) -> np.ndarray:
    """A column with rows of zeros behind, as the pipeline fills its last batch; `VALID` is 0 there."""
    missing = rows - len(column)
    blank = np.full((missing, *column.shape[1:]), b"" if column.dtype == object else 0, column.dtype)
    return np.concatenate([column, blank])
