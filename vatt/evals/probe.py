"""What the probes share: frozen features of two splits, a classifier fitted on one, judged on the other.

The training features are those that the training dataset's *evaluation* shows, without augmentation: one
central view of a clip, as the release has it, or as many as the dataset is set to, each a training example.
On the test split the scores of a clip's views are averaged.
"""

import dataclasses
import time
from typing import Protocol

import gin
import numpy as np

from vatt import spec
from vatt.evals import labels
from vatt.evals.base import EvaluatorBase
from vatt.evals.class_figures import columns_and_cells, judge
from vatt.evals.features import features
from vatt.evals.outputs import ClipOutputs
from vatt.evals.protocol_card import TIE_RULE, data_facts
from vatt.protocols import Dataset, Model


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingRows:
    """What a classifier is fitted on.

    Args:
        rows: float32 [R, D], features of every view of every training clip.
        classes: int64 [R] in [0, Y).
        clips: int64 [R], the clip of each row: views of one must stay together in folds.
    """

    rows: np.ndarray
    classes: np.ndarray
    clips: np.ndarray


class Classifier(Protocol):
    """What is fitted on frozen features: `LinearClassifier`, `SvmClassifier`, `KnnClassifier`."""

    scored_by: str  # what is averaged over the views of a clip, for the protocol

    def settings(self) -> dict:
        """Every setting that changes the figures, in plain values, for the protocol."""
        ...

    def fit_and_score(
        self, train: TrainingRows, rows: np.ndarray, classes: int, seed: int
    ) -> tuple[np.ndarray, dict]:
        """Scores float [M, Y] of the test rows, float32 [M, D], for Y classes, higher being more likely; and
        what to say about the fit, plain values. Everything drawn follows from the seed."""
        ...


@gin.register
class Probe(EvaluatorBase):
    """Top-1 and top-5 of a classifier that is fitted on frozen features.

    Args:
        name: prefix of the metrics, name of the file in the report: "ucf101_linear".
        train_dataset: gives the training clips as `eval_batches`: a `PreparedClips` whose `eval_split` is the
            training split.
        dataset: gives the test clips as `eval_batches`, with the same labels.
        classifier: `LinearClassifier`, `SvmClassifier` or `KnnClassifier`.
        batch_size: rows (views) per call of the model; changes memory and speed, not the figures.
        modality: whose pooled features are probed, "video" or "audio".
        cache_dir: where features are kept between probes and runs; None: not.
        seed: of everything drawn.
    """

    def __init__(
        self,
        *,
        name: str,
        train_dataset: Dataset,
        dataset: Dataset,
        classifier: Classifier,
        batch_size: int = 16,
        modality: str = spec.VIDEO,
        cache_dir: str | None = None,
        seed: int = 0,
    ):
        super().__init__(name=name, dataset=dataset, batch_size=batch_size)
        self.train_dataset = train_dataset
        if modality not in (spec.VIDEO, spec.AUDIO):
            raise ValueError(f"`modality` must be 'video' or 'audio'. Received: modality={modality!r}.")
        self.classifier = classifier
        self.output = f"{modality}/pooled"
        self.cache_dir = cache_dir
        self.seed = seed

    def modalities(self) -> tuple[str, ...]:
        """See `EvaluatorBase`."""
        return (self.output.partition("/")[0],)

    def check(self, model: Model) -> None:
        """Raises unless both splits have the same classes."""
        train_names = labels.label_names(self.train_dataset)
        labels.check_same_names(
            train_names,
            labels.label_names(self.dataset),
            whose=f"training dataset {self.train_dataset.info.name!r}",
            dataset=self.dataset,
        )

    def evaluate(self, model: Model) -> dict[str, float]:
        """Numbers by name: see `Judgement`; and `NAME/clips`, `NAME/train_clips`, `NAME/left_out`."""
        self.check(model)
        train, test = (self._features(model, dataset) for dataset in (self.train_dataset, self.dataset))
        self._refuse_overlap(train, test)
        names = labels.label_names(self.dataset)
        train_classes = labels.class_numbers(train.labels, train.clip_ids)
        began = time.monotonic()
        rows = TrainingRows(rows=train.rows, classes=train_classes[train.owners], clips=train.owners)
        scores, fit = self.classifier.fit_and_score(rows, test.rows, len(names), self.seed)
        seconds = time.monotonic() - began
        judged = judge(test.mean(scores), test.labels, kind="single", names=names, clip_ids=test.clip_ids)
        counted = {"clips": len(test), "train_clips": len(train), "left_out": test.left_out}
        settings = {
            "output": self.output,
            "train_data": data_facts(self.train_dataset),
            "train_views": train.views,
            "views": test.views,
            "averaged": self.classifier.scored_by,
            "ties": TIE_RULE,
            "seed": self.seed,
            **self.classifier.settings(),
        }
        self._artifact = {
            "kind": "probe",
            **counted,
            "train_left_out": train.left_out,
            "figures": judged.figures,
            "classes": judged.classes,
            **judged.outcome,
            "fit": fit,
            "fit_seconds": round(seconds, 2),
            "protocol": self._card(model, settings),
        }
        return self._named(judged.figures | counted)

    def table(self) -> tuple[str, list[str], list[list[str]]]:
        """Title, column heads and rows of the last evaluation, as text for a terminal."""
        artifact = self.artifact()
        heads, cells = columns_and_cells("single", artifact["figures"])
        title = (
            f"{self.name}: {artifact['clips']} clips in {artifact['protocol']['views']} views, trained on "
            f"frozen features of {artifact['train_clips']}, chance in brackets"
        )
        return title, ["", *heads], [[self.name, *cells]]

    def _features(self, model: Model, dataset: Dataset) -> ClipOutputs:
        return features(
            model,
            dataset,
            output=self.output,
            batch_size=self.batch_size,
            cache_dir=self.cache_dir,
            encode=self._encoder(model, [self.output]),
        )

    def _refuse_overlap(self, train: ClipOutputs, test: ClipOutputs) -> None:
        both = sorted(set(train.clip_ids) & set(test.clip_ids))
        if both:
            raise ValueError(
                "No clip may be both trained on and tested. Received: "
                f"{len(both)} such clips, the first is {both[0]!r}. Set `eval_split` of `train_dataset` to "
                "the training split."
            )
