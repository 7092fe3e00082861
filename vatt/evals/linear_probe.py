"""Linear evaluation (A.3.2): a low-rank linear classifier on frozen features, and the release's variant."""

import dataclasses

import gin
import numpy as np
from threadpoolctl import threadpool_limits

from vatt.evals.features import Standardise
from vatt.evals.probe import Probe
from vatt.evals.probe_classifiers import Adam, LowRank, TwoMaps
from vatt.protocols import Dataset
from vatt.spec import VIDEO

_LOSS_STEPS = 100  # of the end, whose mean loss is reported


@gin.register
class LinearProbe(Probe):
    """Top-1 and top-5 of a linear classifier on frozen features.

    Batches are drawn by walking through permutations of the training rows. The probabilities of a test clip's
    views are averaged.

    Args:
        name, train_dataset, dataset, batch_size, modality, cache_dir: see `Probe`.
        classifier: `LowRank` (the paper's, the default) or `DenseDropoutDense` (the release's).
        learning_rate: of Adam.
        train_batch_size: rows of a step.
        steps: of training.
        epochs: passes over the training rows, instead of `steps`; None: use `steps`. The release: 1000.
        standardise: whether features are brought to mean 0 and deviation 1 of the training rows. The paper
            does not say so.
        seed: of the initial weights, the batches and what is dropped.
    """

    scored_by = "probabilities"

    def __init__(
        self,
        *,
        name: str,
        train_dataset: Dataset,
        dataset: Dataset,
        batch_size: int = 16,
        modality: str = VIDEO,
        cache_dir: str | None = None,
        classifier=None,
        learning_rate: float = 5e-4,
        train_batch_size: int = 64,
        steps: int = 50_000,
        epochs: int | None = None,
        standardise: bool = False,
        seed: int = 0,
    ):
        super().__init__(
            name=name,
            train_dataset=train_dataset,
            dataset=dataset,
            batch_size=batch_size,
            modality=modality,
            cache_dir=cache_dir,
            seed=seed,
        )
        for setting, value in (("steps", steps), ("train_batch_size", train_batch_size), ("epochs", epochs)):
            if value is not None and value < 1:
                raise ValueError(f"`{setting}` must be at least 1. Received: {setting}={value}.")
        if not learning_rate > 0:
            raise ValueError(f"`learning_rate` must be positive. Received: {learning_rate}.")
        self.classifier = LowRank() if classifier is None else classifier
        self.learning_rate = learning_rate
        self.train_batch_size = train_batch_size
        self.steps = steps
        self.epochs = epochs
        self.standardise = standardise

    def settings(self) -> dict:
        """See `Probe`."""
        return {
            "classifier": type(self.classifier).__name__,
            **dataclasses.asdict(self.classifier),
            "optimizer": "adam",
            "learning_rate": self.learning_rate,
            "train_batch_size": self.train_batch_size,
            "steps": self.steps if self.epochs is None else None,
            "epochs": self.epochs,
            "standardise": self.standardise,
        }

    def fit_and_score(self, train_rows, train_classes, rows, classes, clips):
        """See `Probe`."""
        # One thread: the products are too small to share, and sums then do not depend on the number of cores.
        with threadpool_limits(1, "blas"):
            return self._fit_and_score(train_rows, train_classes, rows, classes)

    def _fit_and_score(self, train_rows, train_classes, rows, classes):
        if self.standardise:
            scale = Standardise.of(train_rows)
            train_rows, rows = scale(train_rows), scale(rows)
        random = np.random.default_rng(self.seed)
        maps = TwoMaps(self.classifier, features=train_rows.shape[1], classes=classes, random=random)
        adam = Adam(maps.weights, learning_rate=self.learning_rate)
        size = self.train_batch_size
        steps = self.steps if self.epochs is None else -(-self.epochs * len(train_rows) // size)
        order, losses = np.zeros(0, np.int64), []
        for step in range(steps):
            while order.size < size:
                order = np.concatenate([order, random.permutation(len(train_rows))])
            taken, order = order[:size], order[size:]
            columns, factors = self.classifier.draw(random, size)
            loss, gradients = maps.gradients(train_rows[taken], train_classes[taken], columns, factors)
            if not np.isfinite(loss):
                raise FloatingPointError(
                    f"The loss of a probe must stay finite. Received: {loss} in step {step + 1} of {steps}. "
                    "Lower `learning_rate`, or set `standardise`."
                )
            adam.apply(gradients)
            losses.append(loss)
        logits = maps.logits(rows).astype(np.float64)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        right = float(np.mean(maps.logits(train_rows).argmax(axis=1) == train_classes))
        return shares, {
            "steps": steps,
            "last_loss": round(float(np.mean(losses[-_LOSS_STEPS:])), 4),
            "train_top_1": right,
        }
