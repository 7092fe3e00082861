"""k nearest neighbours on frozen features: what the features are worth before anything is trained on them."""

import dataclasses

import gin
import numpy as np

from vatt.evals.probe import TrainingRows
from vatt.metrics.retrieval import score_blocks


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class KnnClassifier:
    """A vote among the k training rows with the highest cosine.

    A neighbour votes for its class with exp(cosine / temperature) (Wu et al. 2018); the votes of a test row
    are scaled to sum to 1. Of equally near rows the one that comes first in the training set votes.

    Args:
        neighbours: k; no more than there are training rows.
        temperature: of the weighting; None: every neighbour's vote counts the same.
    """

    neighbours: int = 20
    temperature: float | None = 0.07

    scored_by = "votes"

    def __post_init__(self) -> None:
        if self.neighbours < 1:
            raise ValueError(f"`neighbours` must be at least 1. Received: neighbours={self.neighbours}.")
        if self.temperature is not None and not self.temperature > 0:
            raise ValueError(f"`temperature` must be positive. Received: temperature={self.temperature}.")

    def settings(self) -> dict:
        """See `Classifier` of `probe.py`."""
        return {
            "classifier": "k nearest neighbours by cosine",
            "neighbours": self.neighbours,
            "weighting": "equal" if self.temperature is None else f"exp(cosine / {self.temperature:g})",
        }

    def fit_and_score(
        self, train: TrainingRows, rows: np.ndarray, classes: int, seed: int
    ) -> tuple[np.ndarray, dict]:
        """See `Classifier` of `probe.py`; nothing is drawn."""
        if self.neighbours > len(train.rows):
            raise ValueError(
                f"`neighbours` must be at most the training rows. Received: neighbours={self.neighbours}, "
                f"{len(train.rows)} rows. Lower `neighbours`."
            )
        votes = np.zeros((len(rows), classes))
        for first, cosines in score_blocks(rows, train.rows):
            nearest = np.argsort(-cosines, axis=1, kind="stable")[:, : self.neighbours]
            near = np.take_along_axis(cosines, nearest, axis=1).astype(np.float64)
            # Relative to the nearest, so that no temperature overflows.
            weights = np.ones_like(near)
            if self.temperature is not None:
                weights = np.exp((near - near[:, :1]) / self.temperature)
            weights /= weights.sum(axis=1, keepdims=True)
            places = np.repeat(np.arange(first, first + len(near)), self.neighbours)
            np.add.at(votes, (places, train.classes[nearest].reshape(-1)), weights.reshape(-1))
        return votes, {"train_rows": len(train.rows)}
