"""A prepared set (`vatt prepare …`) as a dataset: the one that every experiment on records uses."""

import dataclasses
import functools
import hashlib
import json
import os
from collections.abc import Iterable, Sequence

import gin

from vatt import spec
from vatt.data import records
from vatt.data.augmentation import Augmentation
from vatt.data.captions import Captions
from vatt.data.datasets.pipeline_dataset import PipelineDataset
from vatt.data.description import describe_inputs
from vatt.data.pipeline import ClipPipeline
from vatt.data.set_description import SetDescription, read_description
from vatt.data.source import ClipSource
from vatt.data.views import Views
from vatt.errors import closest
from vatt.protocols import Batch, DatasetInfo


@gin.register
class PreparedClips(PipelineDataset):
    """Clips of a prepared set, as batches.

    Args:
        directory: the prepared set, a directory with a `dataset.json`, or its address in an object store.
        clip: `ClipSpec`, the size of a clip.
        name: name in reports; None is the set's own.
        train_split: split that `train_batches` reads.
        eval_split: split that `eval_batches` reads.
        captions: `Captions`, how they are read; None is with the set's own words.
        augmentation: `Augmentation` of training clips; None is the paper's.
        views: `Views` of a record in evaluation; None is one, from its middle.
        labels: whether clips come with their classes, multi-hot, in the order of `dataset.json`; or the names
            of the classes wanted, in their order. (The demo's clips have a colour, a shape and an action:
            classifiers learn one of the three.)
        max_corrupt_share: share of damaged records, in [0, 1], rounded up to whole records, above which
            reading stops.
        threads: clips that are decoded at once; None is one per core.
        readers: records that are read ahead at once, in threads of their own; 0 reads in those that decode.
            None is 0 for folders, 16 for object stores, which need latency times records per second.

    Attributes:
        info: `vatt.protocols.DatasetInfo`.
    """

    def __init__(
        self,
        *,
        directory: str | os.PathLike,
        clip: spec.ClipSpec,
        name: str | None = None,
        train_split: str = "train",
        eval_split: str = "test",
        captions: Captions | None = None,
        augmentation: Augmentation | None = None,
        views: Views | None = None,
        labels: bool | Sequence[str] = False,
        max_corrupt_share: float = 0.01,
        threads: int | None = None,
        readers: int | None = None,
    ):
        self._description = read_description(directory)
        self._clip = clip
        self._name = name or self._description.name
        _check_description(self._description, clip)
        self._label_names = _chosen_labels(labels, self._description)
        self._augmentation = augmentation or Augmentation()
        self._augmentation.check_mixup(clip, labels=bool(labels))
        self._views = views or Views()
        self._tokenizer = (captions or Captions()).tokenizer_of(self._description.vocabulary_file)
        self._splits = {"train": train_split, "eval": eval_split}
        # Both are opened now, if they are there: a damaged test split is found before training, not after it.
        self._records = {
            split: records.RecordIndex(self._description, split, max_corrupt_share=max_corrupt_share)
            for split in dict.fromkeys(self._splits.values())
            if split in self._description.splits
        }
        self._threads, self._readers = threads, readers

    @functools.cached_property
    def info(self) -> DatasetInfo:
        """See `vatt.protocols.Dataset`."""
        train, evaluation = (self._records.get(self._splits[role]) for role in ("train", "eval"))
        return DatasetInfo(
            name=self._name,
            clip=self._clip,
            tokenizer=self._tokenizer,
            label_names=self._label_names,
            fingerprint=None if train is None else self._fingerprint(),
            train_size=None if train is None else len(train),
            eval_size=None if evaluation is None else len(evaluation),
            input_facts=describe_inputs(self._clip, self._tokenizer, self._label_names),
            eval_facts=None if evaluation is None else self._eval_facts(len(evaluation)),
            corrupt_records=lambda: sum(opened.corrupt for opened in self._records.values()),
        )

    def training_pipeline(self) -> ClipPipeline:
        """See `PipelineDataset`."""
        return self._pipeline("train")

    def eval_batches(self, *, batch_size: int, shard_index: int = 0, shard_count: int = 1) -> Iterable[Batch]:
        """See `vatt.protocols.Dataset`."""
        return self._pipeline("eval").eval_batches(
            batch_size=batch_size, shard_index=shard_index, shard_count=shard_count
        )

    def _fingerprint(self) -> str:
        shards = [
            {key: shard[key] for key in ("file", "records", "bytes")}
            for shard in self._description.splits[self._splits["train"]]
        ]
        content = (shards, self._description.labels)
        if self._label_names not in ((), self._description.labels):
            content += (self._label_names,)
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    def _eval_facts(self, size: int) -> dict:
        split = self._splits["eval"]
        stated = self._description.content
        content = {"split": stated["splits"][split], "labels": stated.get("labels", [])}
        words = hashlib.sha256("\n".join(map(str, self._tokenizer.words)).encode())
        return {
            "dataset": self._name,
            "split": split,
            "records": size,
            "fingerprint": hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16],
            "clips": self._views.clips,
            "crops": self._views.crops,
            "clip": dataclasses.asdict(self._clip),
            "classes": len(self._label_names),
            "class_names": hashlib.sha256(json.dumps(self._label_names).encode()).hexdigest()[:12],
            "tokenizer": f"{self._tokenizer.size} words, {words.hexdigest()[:12]}",
            "clips_with": stated["splits"][split].get("clips_with"),
            **_subset(stated.get("subset")),
        }

    def _pipeline(self, role: str) -> ClipPipeline:
        split = self._splits[role]
        if split not in self._records:
            raise ValueError(
                f"`{role}_split` must be a split that the set has. Received: {role}_split={split!r}; "
                f"{self._description.place} has {', '.join(sorted(self._description.splits)) or 'none'}. "
                f"Name one of them (`--gin.PreparedClips.{role}_split=NAME`), or prepare the set with one "
                "(`vatt prepare folder --test_share`)."
            )
        source = ClipSource(
            self._records[split],
            clip=self._clip,
            description=self._description,
            augmentation=self._augmentation,
            views=self._views,
            label_names=self._label_names,
        )
        return ClipPipeline(
            [source],
            clip=self._clip,
            tokenizer=self._tokenizer,
            mixup_alpha=self._augmentation.mixup_alpha,
            threads=self._threads,
            readers=self._readers,
        )


def _subset(record) -> dict:
    """Which part of a published set it is, so that no metric of a part passes for one of the whole."""
    if not isinstance(record, dict):
        return {}
    return {"subset": {key: record.get(key) for key in ("choice", "of", "classes", "numbering")}}


def _chosen_labels(labels: bool | Sequence[str], description: SetDescription) -> tuple[str, ...]:
    """Names of the classes that clips come with."""
    if not labels:
        return ()
    if not description.labels:
        raise ValueError(
            f"Labels must be listed in `dataset.json`. Received: labels={labels}, but "
            f"{description.place} lists none. Prepare it from annotations that have classes."
        )
    names = description.labels if labels is True else tuple(labels)
    unknown = [each for each in names if each not in description.labels]
    if unknown:
        raise ValueError(
            f"`labels` must be classes of the set. Received: {unknown[0]!r}; {description.place} has "
            f"{len(description.labels)}.{closest(unknown[0], description.labels)}"
        )
    return names


def _check_description(description: SetDescription, clip: spec.ClipSpec) -> None:
    """Raises if no clip of the size asked for can be made of the set, whatever its records hold."""
    set_rate_hz, wanted_hz = description.frame_rate_hz, clip.frame_rate_hz
    if spec.VIDEO in clip.modalities and wanted_hz > set_rate_hz > 0:
        raise ValueError(
            f"A clip must not have more frames a second than the set. Received: frame_rate_hz="
            f"{wanted_hz}, but {description.place} has at most {set_rate_hz}. Prepare "
            f"it with a higher `max_frame_rate_hz`, or lower `ClipSpec.frame_rate_hz`."
        )
    if spec.AUDIO in clip.modalities and description.audio_rate_hz <= 0:
        raise ValueError(
            f"`dataset.json` must state the audio sample rate. Received: audio_rate_hz="
            f"{description.audio_rate_hz} in {description.place}. Prepare the set again, "
            f"or leave audio out of `ClipSpec.modalities`."
        )
