"""What a similarity is worth as a probability, and whether the model's own confidence may be believed."""

import dataclasses

import gin
import numpy as np

from vatt.analyses.pairs import PairedVectors, paired
from vatt.analyses.sample import SampledEvaluator
from vatt.evals.directions import Direction, directions_of
from vatt.metrics import calibration
from vatt.protocols import Dataset, Model

_COSINE_BINS = 40  # of the plot: 0.05 of cosine each


@gin.register
class SimilarityCalibration(SampledEvaluator):
    """Two readings of similarity as probability, for each direction of retrieval.

    *Pair*: how likely a clip with this cosine answers the query, by a logistic map (Platt 1999). It is stated
    for the set's own share of right pairs: in a larger collection the same cosine promises less. *First*: how
    likely the first answer is right, by the softmax over the clips, at the temperature of training and at one
    that is fitted (Guo et al. 2017); clips of one group are right or wrong together, so their probabilities
    are added.

    What is fitted is always judged on queries that it was not fitted on: groups of clips are dealt into
    folds; the logistic map is fitted on queries and clips outside a fold, the temperature on queries outside
    it among all clips, and both are judged on the queries in it.

    Args:
        name: prefix of the metrics, name of the file in the report.
        dataset: gives `eval_batches`, and `eval_size` if clips are drawn.
        batch_size: clips per call of the model.
        clips: drawn at random; N² cosines of a direction are held at a time. None: all.
        temperature: that the model was trained with.
        bins: of the diagrams and of the calibration error, at most.
        folds: as above.
        seed: of the choice of clips and of the folds.
    """

    def __init__(
        self,
        *,
        name: str,
        dataset: Dataset,
        batch_size: int = 16,
        clips: int | None = 1000,
        temperature: float = 0.07,
        bins: int = 15,
        folds: int = 5,
        seed: int = 0,
    ):
        super().__init__(name=name, dataset=dataset, batch_size=batch_size, clips=clips, seed=seed)
        if not temperature > 0:
            raise ValueError(f"`temperature` must be positive. Received: temperature={temperature}.")
        if bins < 2 or folds < 2:
            raise ValueError(f"`bins` and `folds` must be at least 2. Received: bins={bins}, folds={folds}.")
        self.temperature = temperature
        self.bins = bins
        self.folds = folds

    def evaluate(self, model: Model) -> dict[str, float]:
        """Numbers by name, of each direction: `NAME/text_to_video/pair_ece` (bins of equally many pairs),
        `…/pair_brier`, `…/even_cosine`, at which right and wrong are as likely, if there is one, and
        `…/right_pairs`, the share of right ones; `…/first_right`, the share of queries answered rightly
        first; of the softmax `…/confidence`, its mean, and `…/first_ece` at the temperature of training;
        `…/fitted_temperature`, the mean over the folds, and `…/fitted_first_ece`.
        """
        directions = directions_of(model)
        embedded = self._embedded(model, (output for each in directions for output in each.outputs))
        described = []
        for direction in directions:
            both = paired(embedded, *direction.outputs)
            if both is not None and len(np.unique(both.groups)) >= 2 * self.folds:
                described.append(self._describe(direction, both))
        if not described:
            raise ValueError(
                f"Calibration in {self.folds} folds needs clips with two modalities, of at least "
                f"{2 * self.folds} groups. Received: {len(embedded.clip_ids)} clips of dataset "
                f"{self.dataset.info.name!r}. Take more clips, or lower `folds`."
            )
        settings = {
            "temperature": self.temperature,
            "bins": self.bins,
            "folds": self.folds,
            "views": embedded.views,
            "right": "any clip of the query's group",
        }
        self._artifact = {
            "kind": "similarity_calibration",
            "clips": len(embedded.clip_ids),
            "temperature": self.temperature,
            "directions": described,
            "protocol": self._card(model, settings),
        }
        figures: dict[str, float] = {
            f"{one['name']}/{key}": value for one in described for key, value in one["figures"].items()
        }
        return self._named(figures | {"clips": len(embedded.clip_ids)})

    def table(self) -> tuple[str, list[str], list[list[str]]]:
        """Title, column heads and rows of the last evaluation, as text for a terminal."""
        artifact = self.artifact()
        keys = ("even_cosine", "pair_ece", "first_right", "confidence", "first_ece", "fitted_first_ece")
        rows = [
            [
                one["label"] + (" *" if one["derived"] else ""),
                *(f"{one['figures'][key]:.3f}" if key in one["figures"] else "–" for key in keys),
            ]
            for one in artifact["directions"]
        ]
        return (
            f"{self.name}: {artifact['clips']} clips, softmax at {artifact['temperature']:g}; * never "
            "trained directly",
            ["direction", "even at", "pair ECE", "first right", "confidence", "ECE", "ECE fitted"],
            rows,
        )

    def _describe(self, direction: Direction, both: PairedVectors) -> dict:
        cosines, right = both.similarities(), both.belong()
        folds = self._folds(both.groups)
        probabilities = np.zeros_like(cosines)
        confidence, temperatures = np.zeros(len(cosines)), []
        for fold in range(self.folds):
            asked, outside = folds == fold, np.flatnonzero(folds != fold)
            square = np.ix_(outside, outside)
            line = calibration.fit_logistic(cosines[square].ravel(), right[square].ravel())
            probabilities[asked] = calibration.logistic(cosines[asked], *line)
            # Judged among all clips, as many as it will be asked about, so fitted among all too.
            temperatures.append(calibration.fit_temperature(cosines[outside], right[outside]))
            confidence[asked] = calibration.first_confidence(cosines[asked], both.groups, temperatures[-1])
        slope, offset = calibration.fit_logistic(cosines.ravel(), right.ravel())
        first = _first_right(cosines, right)
        stated = calibration.first_confidence(cosines, both.groups, self.temperature)
        pairs = calibration.equal_mass_bins(probabilities.ravel(), right.ravel(), bins=self.bins)
        as_trained, fitted = (
            calibration.reliability(each, first, bins=self.bins) for each in (stated, confidence)
        )
        figures = {
            "pair_ece": calibration.expected_calibration_error(pairs),
            "pair_brier": calibration.brier_score(probabilities.ravel(), right.ravel()),
            "right_pairs": float(right.mean()),
            "first_right": float(first.mean()),
            "confidence": float(stated.mean()),
            "first_ece": calibration.expected_calibration_error(as_trained),
            "fitted_temperature": float(np.mean(temperatures)),
            "fitted_first_ece": calibration.expected_calibration_error(fitted),
        }
        if slope > 0 and abs(offset / slope) <= 1:  # else no cosine is as often right as wrong
            figures["even_cosine"] = -offset / slope
        by_cosine = calibration.equal_width_bins(
            cosines.ravel(), right.ravel(), low=-1.0, high=1.0, bins=_COSINE_BINS
        )
        return {
            "name": direction.name,
            "label": direction.label,
            "derived": direction.derived,
            "clips": len(cosines),
            "slope": slope,
            "offset": offset,
            "figures": figures,
            "by_cosine": [dataclasses.asdict(each) for each in by_cosine],
            "pair_bins": [dataclasses.asdict(each) for each in pairs],
            "first_bins": [dataclasses.asdict(each) for each in as_trained],
            "fitted_first_bins": [dataclasses.asdict(each) for each in fitted],
        }

    def _folds(self, groups: np.ndarray) -> np.ndarray:
        """int64 [N]: the fold of each clip; a group is in one."""
        present, place = np.unique(groups, return_inverse=True)
        dealt = np.random.default_rng(self.seed).permutation(len(present)) % self.folds
        return dealt[place]


def _first_right(cosines: np.ndarray, right: np.ndarray) -> np.ndarray:
    """float64 [Q] of 0 and 1: a right clip stands first; a tie counts against the model."""
    cosines = cosines.astype(np.float32)  # see `score_blocks`
    best_right = np.where(right, cosines, -np.inf).max(axis=1)
    best_wrong = np.where(right, -np.inf, cosines).max(axis=1)
    return (best_right > best_wrong).astype(np.float64)
