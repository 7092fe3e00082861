"""One output of a model for every clip of an evaluation set: logits to be judged, features to be probed."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from keras import ops

from vatt import spec
from vatt.evals.encoder import IMAGE
from vatt.evals.records import group_rows, mean_by_record, refuse_broken, texts
from vatt.protocols import Batch, Dataset, Model

_MASKS = {spec.VIDEO: spec.VIDEO_MASK, spec.AUDIO: spec.AUDIO_MASK}
_OF_SIGNAL = {IMAGE: spec.VIDEO, "spectrogram": spec.AUDIO}  # signals that are made of a modality


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClipOutputs:
    """An output for M views of N clips.

    A clip whose modality is absent, or whose sound is digital silence, in every view has no row, and is not
    among the N.

    Args:
        clip_ids: N ids, "media_id@start_seconds".
        owners: int64 [M] in [0, N), ascending: the clip of each row.
        rows: float32 [M, D], finite.
        labels: float32 [N, Y] of 0 and 1, or [N, 0] without labels.
        left_out: clips without the modality.
        views: views of each clip that the dataset shows.
    """

    clip_ids: Sequence[str]
    owners: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    left_out: int
    views: int

    def __len__(self) -> int:
        return len(self.clip_ids)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """float64 [N, …]: the mean over the views of each clip of values [M, …]."""
        return mean_by_record(values, self.owners)[1]


def modality_read(model: Model, output: str) -> str | None:
    """The modality that an output is made of, "video" or "audio"; None where neither its name nor the model
    says so.
    """
    prefix = output.split("/")[0]
    named = prefix if "/" in output else getattr(model, "modality", None)
    modality = _OF_SIGNAL.get(named, named)
    return modality if modality in _MASKS else None


def clip_outputs(
    encode: Callable[[Batch], Batch],
    dataset: Dataset,
    *,
    output: str,
    modality: str | None,
    batch_size: int,
    width: int | None = None,
) -> ClipOutputs:
    """Runs every clip through an encoder.

    Args:
        encode: from `compiled_encoder`.
        dataset: gives `eval_batches`.
        output: which of the encoder's.
        modality: that it is made of; None: whatever a clip has.
        batch_size: rows per call.
        width: what D must be, the number of classes; None for anything.
    """
    indices, views, clip_ids, rows, labels, present = [], [], [], [], [], []
    for batch in dataset.eval_batches(batch_size=batch_size):
        kept = np.flatnonzero(np.asarray(batch[spec.VALID]) > 0)
        inputs, shown = _inputs(batch, modality)
        made = encode(inputs)
        _check_output(made, output, rows=len(batch[spec.VALID]), width=width)
        kept_ids = texts(batch[spec.CLIP_ID], kept)
        there = shown[kept]
        values = np.asarray(ops.convert_to_numpy(made[output]))[kept]
        refuse_broken(values[there], output, [kept_ids[row] for row in np.flatnonzero(there)])
        indices.append(np.asarray(batch[spec.EXAMPLE_INDEX])[kept])
        clip_ids += kept_ids
        rows.append(values)
        present.append(there)
        if spec.LABEL in batch:
            labels.append(np.asarray(batch[spec.LABEL])[kept])
        if spec.VIEW in batch:
            views.append(np.asarray(batch[spec.VIEW])[kept])
    if not clip_ids:
        raise ValueError(
            f"An evaluation needs at least one clip. Received: none from dataset {dataset.info.name!r}. "
            "Check its evaluation split."
        )
    records = group_rows(np.concatenate(indices), np.concatenate(views) if views else None)
    there = np.flatnonzero(np.concatenate(present))
    there = there[np.argsort(records.owners[there], kind="stable")]
    found, owners = np.unique(records.owners[there], return_inverse=True)
    if not found.size:
        raise ValueError(
            f"An evaluation of {output!r} needs clips with {modality or 'content'}. Received: {len(records)} "
            f"clips of dataset {dataset.info.name!r}, none with it. Evaluate on another set."
        )
    first = records.first_rows[found]
    return ClipOutputs(
        clip_ids=[clip_ids[row] for row in first],
        owners=owners,
        rows=np.concatenate(rows)[there],
        labels=np.concatenate(labels)[first] if labels else np.zeros((len(found), 0), np.float32),
        left_out=len(records) - len(found),
        views=records.views,
    )


def _inputs(batch: Batch, modality: str | None) -> tuple[Batch, np.ndarray]:
    """What the model reads of a batch, and bool [B]: which rows have it."""
    read = {each: mask for each, mask in _MASKS.items() if each in batch and modality in (None, each)}
    if not read:
        raise ValueError(
            f"The clips must have what the model reads, {modality or ' or '.join(_MASKS)}. Received: a batch "
            f"with {', '.join(batch)}. Add it to `ClipSpec.modalities` of the dataset."
        )
    shown = np.any([np.asarray(batch[mask]) > 0 for mask in read.values()], axis=0)
    return {each: batch[each] for each in read}, shown


def _check_output(made: Batch, output: str, *, rows: int, width: int | None) -> None:
    if output not in made:
        raise ValueError(
            f"The model must give {output!r}. Received: a model without it. Name one of its outputs, such as "
            "'logits' of a classifier or 'video/pooled' of a backbone."
        )
    shape = tuple(made[output].shape)
    if len(shape) != 2 or shape[0] != rows:
        raise ValueError(
            f"{output!r} must have a row for each of the {rows} rows of a batch. Received: shape {shape}. "
            "Views are averaged here: set `Classifier.views = 1`."
        )
    if width is not None and shape[1] != width:
        raise ValueError(
            f"The head must have a class for each label of the dataset. Received: {shape[1]} outputs for "
            f"{width} labels. Set `classes` of the model to that, or evaluate on the set it was trained on."
        )
