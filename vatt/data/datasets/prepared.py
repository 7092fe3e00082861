"""A prepared set (`vatt prepare …`) as a dataset: the one that every experiment on records uses."""

import copy
import dataclasses
import difflib
import functools
import hashlib
import json
import os
from collections.abc import Iterable

import gin

from vatt import spec
from vatt.data import pipeline, records, vocabulary
from vatt.data.description import describe_inputs
from vatt.data.kept_patches import KeptPatches
from vatt.data.random_area_crop import RandomAreaCrop
from vatt.data.source import Augmentation, ClipSource, Views
from vatt.json_file import read_json
from vatt.protocols import Batch, DatasetInfo


@gin.register
class PreparedClips:
    """Clips of a prepared set, as batches.

    Args:
        directory: the prepared set, a directory with a `dataset.json`.
        clip: `ClipSpec`, the size of a clip.
        name: name in reports; None is the set's own.
        train_split: split that `train_batches` reads.
        eval_split: split that `eval_batches` reads.
        tokenizer: `vatt.protocols.Tokenizer` that captions are read with; None is the words of
            `vocabulary_file`.
        vocabulary_file: word list that captions are read with; None is the set's own. Another one is that of
            the model, where it learnt from other sets.
        vocabulary_size: word ids that the model has; None is "as many as the set". A larger word list is
            refused.
        release_tokenizer: cut captions into words as the released VATT does (ASCII rules only).
        crop: `vatt.protocols.Crop` of training clips; None is the paper's `RandomAreaCrop` (A.2.1), the
            released pre-training's is `ScaleJitterCrop`.
        flip: whether half of the training clips are mirrored.
        audio_noise: standard deviation of noise added to the sound of training clips, as a share of the
            clip's peak. The release pre-trains with 0.01; the paper names none.
        labels: whether clips come with their classes, multi-hot, in the order of `dataset.json`.
        label_names: the classes that clips come with, in this order, where `labels` are asked for; None for
            all. (The demo's clips have a colour, a shape and an action: classifiers learn one of the three.)
        mixup_alpha: mixes the sound and labels of training batches with λ ~ Beta(α, α), see
            `vatt.data.mixup`. None: not. The paper fine-tunes on AudioSet with 5.
        eval_clips: windows of a record in evaluation, spread evenly; 1 is the middle. Fine-tuned models are
            measured with 4.
        eval_crops: squares along the long side of each in evaluation; 1 is the middle. Fine-tuned models are
            measured with 3.
        host_drop_token: whether training batches hold, of pictures and sound, the patches alone that the
            model's DropToken keeps (`spec.KEPT`): the same numbers, and half the bytes to the device at a
            rate of 0.5. The job tells the model's rate and draws, see `send_patches`.
        max_corrupt_share: share of damaged records, in [0, 1], rounded up to whole records, above which
            reading stops.
        threads: threads that decode; None is one per core.
        prefetch: batches kept ready.

    Attributes:
        info: `vatt.protocols.DatasetInfo`.
    """

    def __init__(
        self,
        *,
        directory: str | os.PathLike,
        clip: spec.ClipSpec,
        name: str | None = None,
        train_split="train",
        eval_split="test",
        tokenizer=None,
        vocabulary_file: str | None = None,
        vocabulary_size=None,
        release_tokenizer=False,
        crop=None,
        flip=True,
        audio_noise=0.0,
        labels=False,
        label_names=None,
        mixup_alpha=None,
        eval_clips=1,
        eval_crops=1,
        host_drop_token=False,
        max_corrupt_share=0.01,
        threads=None,
        prefetch=2,
    ):
        self._description = records.read_description(directory)
        self._clip = clip
        self._name = name or self._description.name
        self._check_description()
        self._label_names = tuple(label_names or self._description.labels) if labels else ()
        if labels and not self._description.labels:
            raise ValueError(
                f"Labels must be listed in `dataset.json`. Received: labels=True, but {directory} lists "
                f"none. Prepare it from annotations that have classes."
            )
        unknown = [each for each in self._label_names if each not in self._description.labels]
        if unknown:
            near = difflib.get_close_matches(unknown[0], self._description.labels, n=3)
            raise ValueError(
                f"`label_names` must be classes of the set. Received: {unknown[0]!r}; {directory} has "
                f"{len(self._description.labels)}. Closest: {', '.join(near) or '(none)'}."
            )
        if mixup_alpha is not None and not (labels and clip.modalities == (spec.AUDIO,)):
            raise ValueError(
                f"Mixup mixes sounds and their labels; pictures and words would be left with labels that are "
                f"not theirs. Received: mixup_alpha={mixup_alpha}, labels={labels}, modalities="
                f"{clip.modalities}. Set `PreparedClips.labels = True` and `ClipSpec.modalities = "
                f"('audio',)`, or leave mixup out."
            )
        self._augmentation = Augmentation(
            crop=RandomAreaCrop() if crop is None else crop, flip=flip, audio_noise=audio_noise
        )
        self._views = Views(clips=eval_clips, crops=eval_crops)
        if tokenizer is not None and (vocabulary_file is not None or release_tokenizer):
            raise ValueError(
                "A tokenizer has words of its own. Received: `tokenizer` and also `vocabulary_file` or "
                "`release_tokenizer`. Give one or the other."
            )
        self._tokenizer = tokenizer or vocabulary.Vocabulary(
            path=vocabulary_file or self._description.vocabulary_file, release=release_tokenizer
        )
        if vocabulary_size is not None and self._tokenizer.size > vocabulary_size:
            raise ValueError(
                f"The model must have an id for every word of the set. Received: "
                f"vocabulary_size={vocabulary_size}, but "
                f"{self._tokenizer.path} has {self._tokenizer.size} words. Raise `vocabulary_size` to that, "
                f"or cut the file."
            )
        self._splits = {"train": train_split, "eval": eval_split}
        # Both are opened now, if they are there: a damaged test split is found before training, not after it.
        self._records = {
            split: records.RecordIndex(self._description, split, max_corrupt_share=max_corrupt_share)
            for split in dict.fromkeys(self._splits.values())
            if split in self._description.splits
        }
        if mixup_alpha is not None and host_drop_token:
            raise ValueError(
                f"Mixup mixes whole sounds, of which other patches are kept. Received: mixup_alpha="
                f"{mixup_alpha}, host_drop_token=True. Leave one of the two out."
            )
        self.mixup_alpha = mixup_alpha
        self.host_drop_token = host_drop_token
        self._kept_patches = None
        self._threads, self._prefetch = threads, prefetch

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

    def _fingerprint(self) -> str:
        content = (self._description.splits[self._splits["train"]], self._description.labels)
        if self._label_names not in ((), self._description.labels):
            content += (self._label_names,)
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    def _eval_facts(self, size: int) -> dict:
        split = self._splits["eval"]
        stated = read_json(self._description.directory / "dataset.json")
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
            **self._subset(stated.get("subset")),
        }

    @staticmethod
    def _subset(record) -> dict:
        """Which part of a published set it is, so that no figure of a part passes for one of the whole."""
        if not isinstance(record, dict):
            return {}
        return {"subset": {key: record.get(key) for key in ("choice", "of", "classes", "numbering")}}

    def make_portable(self) -> None:
        """From now on batches can be made on other machines, see `RecordIndex.make_portable`."""
        for opened in self._records.values():
            opened.make_portable()

    def without_mixup(self):
        """The same clips as they are, for who makes parts of a batch that is mixed when it is whole."""
        plain = copy.copy(self)
        plain.mixup_alpha = None
        return plain

    @property
    def train_source(self) -> ClipSource:
        """The training split's clips, one at a time."""
        return self._source("train")

    def send_patches(self, read):
        """Lets training batches hold no more than `read`, `spec.PatchesRead` by modality."""
        self._kept_patches = KeptPatches(read, clip=self._clip)

    def train_batches(
        self, *, batch_size: int, first_step: int, seed: int, shard_index: int = 0, shard_count: int = 1
    ) -> Iterable[Batch]:
        """See `vatt.protocols.Dataset`."""
        return self._pipeline("train").train_batches(
            batch_size=batch_size,
            first_step=first_step,
            seed=seed,
            shard_index=shard_index,
            shard_count=shard_count,
        )

    def eval_batches(self, *, batch_size: int, shard_index: int = 0, shard_count: int = 1) -> Iterable[Batch]:
        """See `vatt.protocols.Dataset`."""
        return self._pipeline("eval").eval_batches(
            batch_size=batch_size, shard_index=shard_index, shard_count=shard_count
        )

    def _check_description(self):
        """Raises if no clip of the size asked for can be made of the set, whatever its records hold."""
        set_rate_hz, wanted_hz = self._description.frame_rate_hz, self._clip.frame_rate_hz
        if spec.VIDEO in self._clip.modalities and wanted_hz > set_rate_hz > 0:
            raise ValueError(
                f"A clip must not have more frames a second than the set. Received: frame_rate_hz="
                f"{wanted_hz}, but {self._description.directory} has at most {set_rate_hz}. Prepare "
                f"it with a higher `max_frame_rate_hz`, or lower `ClipSpec.frame_rate_hz`."
            )
        if spec.AUDIO in self._clip.modalities and self._description.audio_rate_hz <= 0:
            raise ValueError(
                f"`dataset.json` must state the rate of the sound. Received: audio_rate_hz="
                f"{self._description.audio_rate_hz} in {self._description.directory}. Prepare the set again, "
                f"or leave audio out of `ClipSpec.modalities`."
            )

    def _opened(self, role):
        split = self._splits[role]
        if split not in self._records:
            raise ValueError(
                f"`{role}_split` must be a split that the set has. Received: {role}_split={split!r}; "
                f"{self._description.directory} has {', '.join(sorted(self._description.splits)) or 'none'}. "
                f"Name one of them, or prepare the set with one (`vatt prepare folder --test_share`)."
            )
        return self._records[split]

    def _source(self, role):
        if role == "train" and self.host_drop_token and self._kept_patches is None:
            raise ValueError(
                "With `host_drop_token` a dataset must know what the model reads. Received: no call of "
                "`send_patches`, as from a mixture or a job other than `train`. Set "
                "`PreparedClips.host_drop_token = False`."
            )
        return ClipSource(
            self._opened(role),
            clip=self._clip,
            description=self._description,
            augmentation=self._augmentation,
            views=self._views,
            label_names=self._label_names,
            kept_patches=self._kept_patches if role == "train" else None,
        )

    def _pipeline(self, role):
        return pipeline.ClipPipeline(
            [self._source(role)],
            clip=self._clip,
            tokenizer=self._tokenizer,
            mixup_alpha=self.mixup_alpha,
            threads=self._threads,
            prefetch=self._prefetch,
        )
