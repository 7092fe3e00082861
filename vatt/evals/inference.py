"""The one inference pass: every example of a dataset through a model, once.

Rows of padding never leave it; a row belongs to a modality only where its example has it; a model whose
outputs are not finite is refused with the name of the clip. Evaluators, probes and analyses are built on it.
"""

import dataclasses
from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np
from keras import ops

from vatt import spec
from vatt.evals.records import Records, group_rows, refuse_broken, texts
from vatt.protocols import Batch, Dataset

EITHER = ""  # key of what is not of one modality, such as logits: rows that have any of those that are read


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncodedBatch:
    """One batch through a model.

    Args:
        batch: as the dataset gave it.
        kept: int64 [R], its rows that hold an example, not padding.
        inputs: the model's.
        taken: modality or `EITHER` -> int64 [M], rows of the inputs that count, which `outputs` are of.
        owners: modality or `EITHER` -> int64 [M] in [0, R), which of `kept` each of them belongs to.
        outputs: name -> [M, …], finite.
    """

    batch: Batch
    kept: np.ndarray
    inputs: Batch
    taken: dict[str, np.ndarray]
    owners: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]

    def texts(self, feature: str) -> list[str]:
        """A feature of strings of the rows kept; "" where the batch has none."""
        return texts(self.batch[feature], self.kept) if feature in self.batch else [""] * len(self.kept)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Examples:
    """All rows of a dataset through a model: R views of N examples.

    Args:
        clip_ids, groups, captions: R texts.
        labels: float32 [R, Y]; Y = 0 without labels.
        records: which rows show which example.
        owners: modality or `EITHER` -> int64 [M] in [0, R), the row of each output.
        outputs: name -> [M, …].
        words: int32 [M, L], ids of each embedded caption.
    """

    clip_ids: list[str]
    groups: list[str]
    captions: list[str]
    labels: np.ndarray
    records: Records
    owners: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]
    words: np.ndarray


def encoded_batches(
    encode: Callable[[Batch], Batch],
    dataset: Dataset,
    *,
    batch_size: int,
    reads: Sequence[str] = spec.MODALITIES,
    every_caption: bool = False,
) -> Iterator[EncodedBatch]:
    """Runs every batch of a dataset's evaluation through an encoder.

    Args:
        encode: from `compiled_encoder`; inputs as in a batch, text int32 [B', L].
        dataset: gives `eval_batches`.
        batch_size: rows per call.
        reads: modalities that the model is given, of those that the clips have.
        every_caption: whether all captions of a clip are embedded, instead of the first that it has.
    """
    is_empty = True
    for batch in dataset.eval_batches(batch_size=batch_size):
        kept = np.flatnonzero(np.asarray(batch[spec.VALID]) > 0)
        is_empty = is_empty and not len(kept)
        inputs, input_owners = model_inputs(batch, reads=reads, every_caption=every_caption)
        numbers = np.full(len(batch[spec.VALID]), -1)
        numbers[kept] = np.arange(len(kept))
        taken = {key: np.flatnonzero(np.isin(owner, kept)) for key, owner in input_owners.items()}
        owners = {key: numbers[input_owners[key][rows]] for key, rows in taken.items()}
        clip_ids, outputs = texts(batch[spec.CLIP_ID], kept), {}
        for name, values in encode(inputs).items():
            key = modality_of(name, taken)
            made = np.asarray(ops.convert_to_numpy(values))
            if not made.shape or len(made) != len(input_owners[key]):
                raise ValueError(
                    f"{name!r} must have a row for each of the {len(input_owners[key])} rows of a batch. "
                    f"Received: shape {made.shape}. Views are averaged here: set `Classifier.views = 1`."
                )
            outputs[name] = made[taken[key]]
            refuse_broken(outputs[name], name, [clip_ids[row] for row in owners[key]])
        yield EncodedBatch(batch=batch, kept=kept, inputs=inputs, taken=taken, owners=owners, outputs=outputs)
    if is_empty:
        raise ValueError(
            f"An evaluation needs at least one clip. Received: none from dataset {dataset.info.name!r}. "
            "Check its evaluation split."
        )


def collect(
    batches: Iterator[EncodedBatch], watch: Callable[[Batch, np.ndarray], None] | None = None
) -> Examples:
    """All of `encoded_batches` together; only outputs and texts stay in memory.

    Args:
        batches: the batches.
        watch: called with each batch and the indices of the rows that begin an example, for evaluators
            that keep frames of the clips.
    """
    columns: dict[str, list] = {name: [] for name in ("ids", "groups", "captions", "indices", "views")}
    labels, words, owners, outputs = [], [], {}, {}
    seen: set[int] = set()
    for one in batches:
        for key, rows in one.owners.items():
            owners.setdefault(key, []).append(len(columns["ids"]) + rows)
        if spec.TEXT in one.inputs:
            words.append(np.asarray(one.inputs[spec.TEXT])[one.taken[spec.TEXT]])
        for name, values in one.outputs.items():
            outputs.setdefault(name, []).append(values)
        for column, feature in (("ids", spec.CLIP_ID), ("groups", spec.GROUP), ("captions", spec.CAPTION)):
            columns[column] += one.texts(feature)
        if spec.LABEL in one.batch:
            labels.append(np.asarray(one.batch[spec.LABEL])[one.kept])
        if spec.VIEW in one.batch:
            columns["views"] += np.asarray(one.batch[spec.VIEW])[one.kept].tolist()
        indices = np.asarray(one.batch[spec.EXAMPLE_INDEX])[one.kept].tolist()
        columns["indices"] += indices
        if watch is not None:
            begun = [row for row, index in enumerate(indices) if index not in {*indices[:row]} | seen]
            watch(one.batch, one.kept[np.array(begun, np.int64)])
        seen.update(indices)
    return Examples(
        clip_ids=columns["ids"],
        groups=columns["groups"],
        captions=columns["captions"],
        labels=np.concatenate(labels) if labels else np.zeros((len(columns["ids"]), 0), np.float32),
        records=group_rows(
            np.array(columns["indices"]), np.array(columns["views"]) if columns["views"] else None
        ),
        owners={key: np.concatenate(parts) for key, parts in owners.items()},
        outputs={name: np.concatenate(parts) for name, parts in outputs.items()},
        words=np.concatenate(words) if words else np.zeros((0, 0), np.int32),
    )


def modality_of(output: str, known: Collection[str]) -> str:
    """The modality that an output is of by its name, "video/pooled"; `EITHER` where that is none of these."""
    prefix = output.partition("/")[0]
    return prefix if prefix in known else EITHER


def model_inputs(
    batch: Batch, *, reads: Sequence[str] = spec.MODALITIES, every_caption: bool = False
) -> tuple[Batch, dict[str, np.ndarray]]:
    """Model inputs, and by modality the batch row that each input row belongs to, -1 where it lacks it."""
    inputs, owners = {}, {}
    for modality in (each for each in reads if each in batch):
        values, present = batch[modality], np.asarray(batch[spec.MASKS[modality]]) > 0
        rows = np.arange(len(present))
        if modality != spec.TEXT:
            inputs[modality], owners[modality] = values, np.where(present, rows, -1)
        elif every_caption:
            values = np.asarray(values)
            inputs[modality] = values.reshape(-1, values.shape[-1])
            owners[modality] = np.where(present, rows[:, None], -1).reshape(-1)
        else:
            inputs[modality] = np.asarray(values)[rows, present.argmax(axis=1)]
            owners[modality] = np.where(present.any(axis=1), rows, -1)
    if not inputs:
        raise ValueError(
            f"The clips must have what the model reads, {' or '.join(reads)}. Received: a batch with "
            f"{', '.join(batch)}. Add it to `ClipSpec.modalities` of the dataset."
        )
    present = [np.isin(np.arange(len(batch[spec.VALID])), owner) for owner in owners.values()]
    owners[EITHER] = np.where(np.any(present, axis=0), np.arange(len(batch[spec.VALID])), -1)
    return inputs, owners
