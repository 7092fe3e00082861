"""A prepared set (`vatt prepare …`) as a dataset: the one that every experiment on records uses."""

import gin

from vatt.data import pipeline, records, vocabulary


@gin.register
class PreparedClips:
    """Clips of a prepared set, as batches.

    Args:
        directory: the prepared set, a directory with a `dataset.json`.
        clip: `ClipSpec`, the size of a clip.
        name: name in reports; None is the set's own.
        train_split: split that `train_batches` reads.
        eval_split: split that `eval_batches` reads.
        vocabulary_file: word list that captions are read with; None is the set's own. Another one is that of
            the model, where it learnt from other sets.
        vocabulary_size: word ids that the model has; None is "as many as the set". A larger word list is
            refused.
        release_tokenizer: cut captions into words as the released VATT does (ASCII rules only).
        crop_area: lowest and highest share of a frame's area that a training crop covers (A.2.1).
        crop_aspect: lowest and highest width / height of a training crop (A.2.1).
        flip: whether half of the training clips are mirrored.
        max_corrupt_share: share of damaged records, in [0, 1], above which reading stops.
        threads: threads that decode; None is one per core.
        prefetch: batches kept ready.

    Attributes:
        name: name in reports.
        clip: `ClipSpec`.
        vocabulary: `Vocabulary` that captions are read with.
    """

    def __init__(
        self,
        *,
        directory,
        clip,
        name=None,
        train_split="train",
        eval_split="test",
        vocabulary_file=None,
        vocabulary_size=None,
        release_tokenizer=False,
        crop_area=(0.08, 1.0),
        crop_aspect=(0.5, 2.0),
        flip=True,
        max_corrupt_share=0.01,
        threads=None,
        prefetch=2,
    ):
        self._description = records.read_description(directory)
        self.clip = clip
        self.name = name or self._description.name
        self._augmentation = pipeline.Augmentation(crop_area=crop_area, crop_aspect=crop_aspect, flip=flip)
        if clip.frame_rate_hz > self._description.frame_rate_hz > 0:
            raise ValueError(
                f"A clip must not have more frames a second than the set. Received: "
                f"frame_rate_hz={clip.frame_rate_hz}, "
                f"but {directory} has at most {self._description.frame_rate_hz}. Prepare it with a higher "
                f"`max_frame_rate_hz`, or lower `ClipSpec.frame_rate_hz`."
            )
        self.vocabulary = vocabulary.Vocabulary(
            vocabulary_file or self._description.vocabulary_file, release=release_tokenizer
        )
        if vocabulary_size is not None and self.vocabulary.size > vocabulary_size:
            raise ValueError(
                f"The model must have an id for every word of the set. Received: "
                f"vocabulary_size={vocabulary_size}, but "
                f"{self.vocabulary.path} has {self.vocabulary.size} words. Raise `vocabulary_size` to that, "
                f"or cut the file."
            )
        self._splits = {"train": train_split, "eval": eval_split}
        # Both are opened now, if they are there: a damaged test split is found before training, not after it.
        self._records = {
            split: records.RecordIndex(self._description, split, max_corrupt_share=max_corrupt_share)
            for split in dict.fromkeys(self._splits.values())
            if split in self._description.splits
        }
        self._threads, self._prefetch = threads, prefetch

    @property
    def train_size(self) -> int:
        """Clips of the training split."""
        return len(self._opened("train"))

    @property
    def eval_size(self) -> int:
        """Clips of the evaluation split."""
        return len(self._opened("eval"))

    @property
    def corrupt_records(self) -> int:
        """Damaged records met so far."""
        return sum(split.corrupt for split in self._records.values())

    @property
    def train_source(self) -> pipeline.ClipSource:
        """The training split's clips, one at a time."""
        return self._source("train")

    def train_batches(self, *, batch_size, first_step, seed):
        """See `vatt.protocols.Dataset`."""
        return self._pipeline("train").train_batches(batch_size=batch_size, first_step=first_step, seed=seed)

    def eval_batches(self, *, batch_size):
        """See `vatt.protocols.Dataset`."""
        return self._pipeline("eval").eval_batches(batch_size=batch_size)

    def _opened(self, role):
        split = self._splits[role]
        if split not in self._records:
            raise ValueError(
                f"`{role}_split` must be a split that the set has. Received: {role}_split={split!r}; "
                f"{self._description.directory} has {', '.join(sorted(self._description.splits)) or 'none'}."
            )
        return self._records[split]

    def _source(self, role):
        return pipeline.ClipSource(
            self._opened(role),
            clip=self.clip,
            description=self._description,
            augmentation=self._augmentation,
        )

    def _pipeline(self, role):
        return pipeline.ClipPipeline(
            [self._source(role)],
            clip=self.clip,
            vocabulary=self.vocabulary,
            threads=self._threads,
            prefetch=self._prefetch,
        )
