"""Clips through a model, once: the embeddings of a whole evaluation set, and who owns them.

Only embeddings stay in memory. A clip that lacks a modality has no row there, instead of a row that must be
remembered to be ignored: `owners` says which clip each row belongs to, and rows of padding never arrive.
Several views of a clip (windows in time, crops) are averaged before it is compared with anything.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from vatt import spec
from vatt.evals.inference import EITHER, collect, encoded_batches, modality_of
from vatt.evals.records import mean_by_record
from vatt.protocols import Batch, Dataset
from vatt.unit_rows import unit_rows

CAPTION_CHOICES = ("first", "all")
AVERAGE_CHOICES = ("embedding", "cosine")


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbeddedClips:
    """The embeddings of N clips.

    Args:
        clip_ids: N ids, "media_id@start_seconds".
        groups: N group names, "" for none.
        captions: N first captions as written, "" for none.
        owners: modality -> int64 [M], the clip of each embedding, ascending; clips without it do not occur.
        vectors: "modality/space" -> float64 [M, D], finite.
        average: "embedding": vectors are means over a clip's views, before normalisation, to be compared by
            cosine. "cosine": they are means of unit vectors, and the plain product of two of them is the mean
            cosine over all pairs of views.
        views: of each clip.
    """

    clip_ids: Sequence[str]
    groups: Sequence[str]
    captions: Sequence[str]
    owners: dict[str, np.ndarray]
    vectors: dict[str, np.ndarray]
    average: str = "embedding"
    views: int = 1


def embed_clips(
    encode: Callable[[Batch], Batch],
    dataset: Dataset,
    *,
    batch_size: int,
    captions: str = "first",
    average: str = "embedding",
    watch: Callable[[Batch, np.ndarray], None] | None = None,
) -> EmbeddedClips:
    """Runs every clip of a dataset through an encoder.

    Args:
        encode: from `compiled_encoder`; inputs as in a batch, text int32 [B', L].
        dataset: gives `eval_batches`.
        batch_size: rows per call.
        captions: "first" embeds the first caption a clip has; "all" every one of the up to K of its first
            view that has any, and those of its other views that are new.
        average: what is averaged over the views of a clip, see `EmbeddedClips`.
        watch: called with each batch and the indices of the rows that begin a clip, to collect frames
            of the clips.
    """
    if captions not in CAPTION_CHOICES:
        raise ValueError(f"`captions` must be one of {CAPTION_CHOICES}. Received: captions={captions!r}.")
    if average not in AVERAGE_CHOICES:
        raise ValueError(f"`average` must be one of {AVERAGE_CHOICES}. Received: average={average!r}.")
    batches = encoded_batches(encode, dataset, batch_size=batch_size, every_caption=captions == "all")
    examples = collect(batches, watch)
    records = examples.records
    owners = {key: np.unique(records.owners[rows]) for key, rows in examples.owners.items() if key != EITHER}
    vectors = {}
    for name, made in examples.outputs.items():
        modality = modality_of(name, owners)
        rows = examples.owners[modality]
        if average == "cosine":
            made = unit_rows(made, name)
        if modality == spec.TEXT:
            taken = _distinct_captions(records.owners[rows], rows, examples.words, every=captions == "all")
            owners[modality], vectors[name] = records.owners[rows][taken], made[taken].astype(np.float64)
        else:
            _, vectors[name] = mean_by_record(made, records.owners[rows])
    first_captions = [""] * len(records)
    for row in reversed(range(len(examples.captions))):
        owner = records.owners[row]
        first_captions[owner] = examples.captions[row] or first_captions[owner]
    return EmbeddedClips(
        clip_ids=[examples.clip_ids[row] for row in records.first_rows],
        groups=[examples.groups[row] for row in records.first_rows],
        captions=first_captions,
        owners=owners,
        vectors=vectors,
        average=average,
        views=records.views,
    )


def _distinct_captions(owners: np.ndarray, rows: np.ndarray, words: np.ndarray, *, every: bool) -> np.ndarray:
    """Which embedded captions count, in the order of the clips: views of a clip mostly share theirs."""
    taken, first_rows, known = [], {}, {}
    for place, (owner, row) in enumerate(zip(owners.tolist(), rows.tolist(), strict=True)):
        said = words[place].tobytes()
        if row == first_rows.setdefault(owner, row) or (every and said not in known[owner]):
            taken.append(place)
            known.setdefault(owner, set()).add(said)
    return np.array(sorted(taken, key=lambda place: owners[place]), np.int64)
