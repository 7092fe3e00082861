"""Clips through a model, once: the embeddings of a whole evaluation set, and who owns them.

Only embeddings stay in memory. A clip that lacks a modality has no row there, instead of a row that must be
remembered to be ignored: `owners` says which clip each row belongs to, and rows of padding never arrive.
Several views of a clip (windows in time, crops) are averaged before it is compared with anything.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from keras import ops

from vatt import spec
from vatt.evals.records import group_rows, mean_by_record, refuse_broken, texts
from vatt.metrics.retrieval import unit_rows
from vatt.protocols import Batch, Dataset

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
        watch: called with each batch and the indices of the rows that begin a clip, for whoever wants
            pictures of the clips.
    """
    if captions not in CAPTION_CHOICES:
        raise ValueError(f"`captions` must be one of {CAPTION_CHOICES}. Received: captions={captions!r}.")
    if average not in AVERAGE_CHOICES:
        raise ValueError(f"`average` must be one of {AVERAGE_CHOICES}. Received: average={average!r}.")
    rows = _Rows(every_caption=captions == "all")
    for batch in dataset.eval_batches(batch_size=batch_size):
        begun = rows.add(batch, encode)
        if watch is not None:
            watch(batch, begun)
    if not rows.clip_ids:
        raise ValueError(
            f"An evaluation needs at least one clip. Received: none from dataset {dataset.info.name!r}. "
            "Check its evaluation split."
        )
    return rows.clips(average)


class _Rows:
    """The rows of all batches so far: a view of a clip each."""

    def __init__(self, *, every_caption: bool):
        self._every_caption = every_caption
        self.clip_ids: list[str] = []
        self._groups: list[str] = []
        self._captions: list[str] = []
        self._indices: list[int] = []
        self._views: list[int] | None = None
        self._seen: set[int] = set()
        self._owners: dict[str, list[np.ndarray]] = {}  # modality -> the row of each embedding
        self._words: list[np.ndarray] = []  # ids of each embedded caption
        self._vectors: dict[str, list[np.ndarray]] = {}

    def add(self, batch: Batch, encode: Callable[[Batch], Batch]) -> np.ndarray:
        """Embeds the valid rows of a batch; gives the indices of those that begin a clip."""
        kept = np.flatnonzero(np.asarray(batch[spec.VALID]) > 0)
        inputs, owner_rows = model_inputs(batch, every_caption=self._every_caption)
        chosen = {modality: np.flatnonzero(np.isin(owner, kept)) for modality, owner in owner_rows.items()}
        numbers = np.full(len(batch[spec.VALID]), -1)
        numbers[kept] = len(self.clip_ids) + np.arange(len(kept))
        self.clip_ids += texts(batch[spec.CLIP_ID], kept)
        for modality, taken in chosen.items():
            self._owners.setdefault(modality, []).append(numbers[owner_rows[modality][taken]])
        if spec.TEXT in inputs:
            self._words += list(np.asarray(inputs[spec.TEXT])[chosen[spec.TEXT]])
        for name, values in encode(inputs).items():
            modality = name.split("/")[0]
            made = np.asarray(ops.convert_to_numpy(values))[chosen[modality]]
            refuse_broken(made, name, [self.clip_ids[row] for row in self._owners[modality][-1]])
            self._vectors.setdefault(name, []).append(made)
        self._groups += texts(batch[spec.GROUP], kept)
        self._captions += texts(batch[spec.CAPTION], kept) if spec.CAPTION in batch else [""] * len(kept)
        if spec.VIEW in batch:
            self._views = (self._views or []) + np.asarray(batch[spec.VIEW])[kept].tolist()
        indices = np.asarray(batch[spec.EXAMPLE_INDEX])[kept]
        self._indices += indices.tolist()
        _, first = np.unique(indices, return_index=True)
        begun = [place for place in sorted(first) if int(indices[place]) not in self._seen]
        self._seen.update(indices.tolist())
        return kept[np.array(begun, np.int64)]

    def clips(self, average: str) -> EmbeddedClips:
        """The embeddings by clip."""
        records = group_rows(np.array(self._indices), None if self._views is None else np.array(self._views))
        rows = {modality: np.concatenate(parts) for modality, parts in self._owners.items()}
        owners = {modality: np.unique(records.owners[taken]) for modality, taken in rows.items()}
        vectors = {}
        for name, parts in self._vectors.items():
            modality = name.split("/")[0]
            made, owner = np.concatenate(parts), records.owners[rows[modality]]
            if average == "cosine":
                made = unit_rows(made, name)
            if modality == spec.TEXT:
                taken = self._distinct_captions(owner, rows[modality])
                owners[modality], vectors[name] = owner[taken], made[taken].astype(np.float64)
            else:
                _, vectors[name] = mean_by_record(made, owner)
        captions = [""] * len(records)
        for row in reversed(range(len(self._captions))):
            captions[records.owners[row]] = self._captions[row] or captions[records.owners[row]]
        return EmbeddedClips(
            clip_ids=[self.clip_ids[row] for row in records.first_rows],
            groups=[self._groups[row] for row in records.first_rows],
            captions=captions,
            owners=owners,
            vectors=vectors,
            average=average,
            views=records.views,
        )

    def _distinct_captions(self, owners: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Which embedded captions count, in the order of the clips: views of a clip mostly share theirs."""
        taken, first_rows, known = [], {}, {}
        for place, (owner, row) in enumerate(zip(owners.tolist(), rows.tolist(), strict=True)):
            words = self._words[place].tobytes()
            if row == first_rows.setdefault(owner, row) or (
                self._every_caption and words not in known[owner]
            ):
                taken.append(place)
                known.setdefault(owner, set()).add(words)
        return np.array(sorted(taken, key=lambda place: owners[place]), np.int64)


def model_inputs(batch: Batch, *, every_caption: bool) -> tuple[Batch, dict[str, np.ndarray]]:
    """Model inputs, and for each modality the batch row that each input row belongs to (-1: masked out)."""
    inputs, owners = {}, {}
    for modality, mask in ((spec.VIDEO, spec.VIDEO_MASK), (spec.AUDIO, spec.AUDIO_MASK)):
        if modality in batch:
            inputs[modality] = batch[modality]
            present = np.asarray(batch[mask]) > 0
            owners[modality] = np.where(present, np.arange(len(present)), -1)
    if spec.TEXT in batch:
        text, present = np.asarray(batch[spec.TEXT]), np.asarray(batch[spec.TEXT_MASK]) > 0
        rows = np.arange(len(text))
        if every_caption:
            inputs[spec.TEXT] = text.reshape(-1, text.shape[-1])
            owners[spec.TEXT] = np.where(present, rows[:, None], -1).reshape(-1)
        else:
            inputs[spec.TEXT] = text[rows, present.argmax(axis=1)]
            owners[spec.TEXT] = np.where(present.any(axis=1), rows, -1)
    return inputs, owners
