"""One output of a model for every clip of an evaluation set: logits to be judged, features to be probed."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from vatt import spec
from vatt.evals.encoder import IMAGE
from vatt.evals.inference import EncodedBatch, collect, encoded_batches, modality_of
from vatt.evals.records import mean_by_record
from vatt.protocols import Batch, Dataset, Model

SIGNALS = (spec.VIDEO, spec.AUDIO)
_OF_SIGNAL = {IMAGE: spec.VIDEO, "spectrogram": spec.AUDIO}  # signals that are made of a modality


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClipOutputs:
    """An output for M views of N clips.

    A clip whose modality is absent, or whose audio is digital silence, in every view has no row, and is not
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
    modality = _OF_SIGNAL.get(str(named), named)
    return modality if modality in SIGNALS else None


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
        width: what D must be, the number of classes; None: any.
    """
    batches = encoded_batches(
        encode, dataset, batch_size=batch_size, reads=SIGNALS if modality is None else (modality,)
    )
    examples = collect(_checked(each, output, width) for each in batches)
    records, rows = examples.records, examples.owners[modality_of(output, examples.owners)]
    order = np.argsort(records.owners[rows], kind="stable")
    found, owners = np.unique(records.owners[rows[order]], return_inverse=True)
    if not found.size:
        raise ValueError(
            f"An evaluation of {output!r} needs clips with {modality or 'content'}. Received: {len(records)} "
            f"clips of dataset {dataset.info.name!r}, none with it. Evaluate on another set."
        )
    first = records.first_rows[found]
    return ClipOutputs(
        clip_ids=[examples.clip_ids[row] for row in first],
        owners=owners,
        rows=examples.outputs[output][order],
        labels=examples.labels[first],
        left_out=len(records) - len(found),
        views=records.views,
    )


def _checked(encoded: EncodedBatch, output: str, width: int | None) -> EncodedBatch:
    """The batch, if the model gave what was asked for."""
    if output not in encoded.outputs:
        raise ValueError(
            f"The model must give {output!r}. Received: a model without it. Name one of its outputs, such as "
            "'logits' of a classifier or 'video/pooled' of a backbone."
        )
    shape = encoded.outputs[output].shape
    if len(shape) != 2:
        raise ValueError(f"{output!r} must be [B, D]. Received: {len(shape)} axes. Name another output.")
    if width is not None and shape[1] != width:
        raise ValueError(
            f"The head must have a class for each label of the dataset. Received: {shape[1]} outputs for "
            f"{width} labels. Set `classes` of the model to that, or evaluate on the set it was trained on."
        )
    return encoded
