"""Linear evaluation (A.3.2): a low-rank linear classifier on frozen features, and the release's variant."""

import dataclasses

import gin
import numpy as np
from scipy import special
from threadpoolctl import threadpool_limits

from vatt.evals.features import Standardise
from vatt.evals.linear_forms import Adam, DenseDropoutDense, LowRank, TwoMaps
from vatt.evals.probe import TrainingRows

_LOSS_STEPS = 100  # of the end, whose mean loss is reported


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class LinearClassifier:
    """A linear classifier trained by Adam, on batches that walk through permutations of the training rows.

    Args:
        form: `LowRank` (the paper's, the default) or `DenseDropoutDense` (the release's).
        learning_rate: of Adam.
        train_batch_size: rows of a step.
        steps: of training.
        epochs: passes over the training rows, instead of `steps`; None: use `steps`. The release: 1000.
        standardise: whether features are brought to mean 0 and deviation 1 of the training rows. The paper
            does not say so.
    """

    form: LowRank | DenseDropoutDense = LowRank()  # noqa: RUF009 (frozen)
    learning_rate: float = 5e-4
    train_batch_size: int = 64
    steps: int = 50_000
    epochs: int | None = None
    standardise: bool = False

    scored_by = "probabilities"

    def __post_init__(self) -> None:
        for name in ("steps", "train_batch_size", "epochs"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {name}={value}.")
        if not self.learning_rate > 0:
            raise ValueError(f"`learning_rate` must be positive. Received: {self.learning_rate}.")

    def settings(self) -> dict:
        """See `Classifier` of `probe.py`."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        form = own.pop("form")
        own["steps"] = self.steps if self.epochs is None else None
        return {"classifier": type(form).__name__, **dataclasses.asdict(form), "optimizer": "adam", **own}

    def fit_and_score(
        self, train: TrainingRows, rows: np.ndarray, classes: int, seed: int
    ) -> tuple[np.ndarray, dict]:
        """See `Classifier` of `probe.py`; initial weights, batches and what is dropped are drawn."""
        # One thread: the products are too small to share, and sums then do not depend on the number of cores.
        with threadpool_limits(1, "blas"):
            return self._fit_and_score(train, rows, classes, np.random.default_rng(seed))

    def _fit_and_score(
        self, train: TrainingRows, rows: np.ndarray, classes: int, random: np.random.Generator
    ) -> tuple[np.ndarray, dict]:
        train_rows = train.rows
        if self.standardise:
            scale = Standardise.of(train_rows)
            train_rows, rows = scale(train_rows), scale(rows)
        maps = TwoMaps(self.form, features=train_rows.shape[1], classes=classes, random=random)
        adam = Adam(maps.weights, learning_rate=self.learning_rate)
        size = self.train_batch_size
        steps = self.steps if self.epochs is None else -(-self.epochs * len(train_rows) // size)
        order, losses = np.zeros(0, np.int64), []
        for step in range(steps):
            while order.size < size:
                order = np.concatenate([order, random.permutation(len(train_rows))])
            taken, order = order[:size], order[size:]
            columns, factors = self.form.draw(random, size)
            loss, gradients = maps.gradients(train_rows[taken], train.classes[taken], columns, factors)
            if not np.isfinite(loss):
                raise FloatingPointError(
                    f"The loss of a probe must stay finite. Received: {loss} in step {step + 1} of {steps}. "
                    "Lower `learning_rate`, or set `standardise`."
                )
            adam.apply(gradients)
            losses.append(loss)
        shares = special.softmax(maps.logits(rows).astype(np.float64), axis=1)
        right = float(np.mean(maps.logits(train_rows).argmax(axis=1) == train.classes))
        return shares, {
            "steps": steps,
            "last_loss": round(float(np.mean(losses[-_LOSS_STEPS:])), 4),
            "train_top_1": right,
        }
