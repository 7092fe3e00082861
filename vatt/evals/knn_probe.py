"""k nearest neighbours on frozen features: what the features are worth before anything is trained on them."""

import gin
import numpy as np

from vatt.evals.probe import Probe
from vatt.metrics.retrieval import score_blocks
from vatt.protocols import Dataset
from vatt.spec import VIDEO


@gin.register
class KnnProbe(Probe):
    """Top-1 and top-5 of a vote among the k training rows with the highest cosine.

    A neighbour votes for its class with exp(cosine / temperature) (Wu et al. 2018); the votes of a test row
    are scaled to sum to 1, and those of a clip's views averaged. Of equally near rows the one that comes
    first in the training set votes.

    Args:
        name, train_dataset, dataset, batch_size, modality, cache_dir: see `Probe`.
        neighbours: k; no more than there are training rows.
        temperature: of the weighting; None: every neighbour's vote counts the same.
    """

    scored_by = "votes"

    def __init__(
        self,
        *,
        name: str,
        train_dataset: Dataset,
        dataset: Dataset,
        batch_size: int = 16,
        modality: str = VIDEO,
        cache_dir: str | None = None,
        neighbours: int = 20,
        temperature: float | None = 0.07,
    ):
        super().__init__(
            name=name,
            train_dataset=train_dataset,
            dataset=dataset,
            batch_size=batch_size,
            modality=modality,
            cache_dir=cache_dir,
            seed=0,  # nothing is drawn
        )
        if neighbours < 1:
            raise ValueError(f"`neighbours` must be at least 1. Received: neighbours={neighbours}.")
        if temperature is not None and not temperature > 0:
            raise ValueError(f"`temperature` must be positive. Received: temperature={temperature}.")
        self.neighbours = neighbours
        self.temperature = temperature

    def settings(self) -> dict:
        """See `Probe`."""
        return {
            "classifier": "k nearest neighbours by cosine",
            "neighbours": self.neighbours,
            "weighting": "equal" if self.temperature is None else f"exp(cosine / {self.temperature:g})",
        }

    def fit_and_score(self, train_rows, train_classes, rows, classes, clips):
        """See `Probe`."""
        if self.neighbours > len(train_rows):
            raise ValueError(
                f"`neighbours` must be at most the training rows. Received: neighbours={self.neighbours}, "
                f"{len(train_rows)} rows in dataset {self.train_dataset.info.name!r}. Lower `neighbours`."
            )
        votes = np.zeros((len(rows), classes))
        for first, cosines in score_blocks(rows, train_rows):
            nearest = np.argsort(-cosines, axis=1, kind="stable")[:, : self.neighbours]
            near = np.take_along_axis(cosines, nearest, axis=1).astype(np.float64)
            # Relative to the nearest, so that no temperature overflows.
            weights = np.ones_like(near)
            if self.temperature is not None:
                weights = np.exp((near - near[:, :1]) / self.temperature)
            weights /= weights.sum(axis=1, keepdims=True)
            places = np.repeat(np.arange(first, first + len(near)), self.neighbours)
            np.add.at(votes, (places, train_classes[nearest].reshape(-1)), weights.reshape(-1))
        return votes, {"train_rows": len(train_rows)}
