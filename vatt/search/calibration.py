"""From the cosines of a window to the probability that it answers a text, fitted to captioned media.

Two steps, both logistic (Platt 1999). First each modality's cosine becomes log-odds that a caption and a
window belong together; those of a window's video and audio are added. Then the best window of a collection is
judged, once with the windows that belong to the caption, once without them: so the probability is that of a
question whose answer is there in half of the cases. A larger collection has more windows that are like the
answer by chance: the log-odds of each pair are lower by the logarithm of how many times larger it is.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vatt import spec

MODALITIES = (spec.VIDEO, spec.AUDIO)
# What a window may have: its video, its audio, both.
KINDS = {"video": (spec.VIDEO,), "audio": (spec.AUDIO,), "video_audio": MODALITIES}
_LEAST_CAPTIONS, _LEAST_GROUPS = 20, 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pairs:
    """Captions and windows, and which of them belong together.

    Attributes:
        cosines: modality -> float [Q, N]; NaN where a window lacks it.
        right: bool [Q, N].
        wrong: bool [Q, N]; a pair that is neither is not used.
        groups: how many sorts of answers there are.
    """

    cosines: dict[str, np.ndarray]
    right: np.ndarray
    wrong: np.ndarray
    groups: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Calibration:
    """The map, as it is in `index.json`.

    Attributes:
        weights: of `KINDS`, those that could be fitted -> weight of each modality and of the logarithm of the
            number of "windows", and "offset".
        windows: of the collection that it was fitted to.
        captions: it was fitted to.
    """

    weights: dict[str, dict[str, float]]
    windows: int
    captions: int

    def probability(self, cosines: Mapping[str, np.ndarray], windows: int) -> np.ndarray:
        """The probability that a window answers a text.

        Args:
            cosines: modality -> float [n] with the text; NaN where a window lacks it.
            windows: of the collection that they are in.

        Returns:
            float64 [n]; NaN where a window has what the calibration did not see.
        """
        made = np.full(len(next(iter(cosines.values()))), np.nan)
        has = {modality: ~np.isnan(cosines[modality]) for modality in MODALITIES}
        for kind, weights in self.weights.items():
            these = np.all([has[each] == (each in KINDS[kind]) for each in MODALITIES], axis=0)
            logits = weights["offset"] - weights["windows"] * np.log(windows / self.windows)
            logits += sum(weights[each] * cosines[each][these] for each in KINDS[kind])
            made[these] = 0.5 * (1 + np.tanh(0.5 * logits))  # the logistic function, of any logits
        return made


def fit_calibration(pairs: Pairs) -> Calibration:
    """The map for a model.

    Raises:
        ValueError: there are too few captions, or too few different things in the media.
    """
    captions, windows = pairs.right.shape
    if captions < _LEAST_CAPTIONS or pairs.groups < _LEAST_GROUPS:
        raise ValueError(
            f"A calibration needs at least {_LEAST_CAPTIONS} captions of {_LEAST_GROUPS} different things. "
            f"Received: {captions} captions of {pairs.groups}. Name a folder with more captioned media."
        )
    weights = {}
    for kind, modalities in KINDS.items():
        present = np.all([~np.isnan(pairs.cosines[each]) for each in modalities], axis=0)
        right, wrong = pairs.right & present, pairs.wrong & present
        if right.any() and wrong.any():
            weights[kind] = _fit(pairs.cosines, modalities, right, wrong)
    return Calibration(weights=weights, windows=windows, captions=captions)


def _fit(
    cosines: Mapping[str, np.ndarray], modalities: Sequence[str], right: np.ndarray, wrong: np.ndarray
) -> dict[str, float]:
    from vatt.metrics.calibration import fit_logistic  # imports SciPy, which answering does without

    used = right | wrong
    lines = {each: fit_logistic(cosines[each][used], right[used]) for each in modalities}
    evidence = sum(slope * cosines[each] + offset for each, (slope, offset) in lines.items())
    best_right = np.where(right, evidence, -np.inf).max(axis=1)
    best_wrong = np.where(wrong, evidence, -np.inf).max(axis=1)
    asked = np.isfinite(best_right) & np.isfinite(best_wrong)
    with_answer = np.maximum(best_right, best_wrong)[asked]
    outcomes = np.concatenate([(best_right > best_wrong)[asked], np.zeros(asked.sum())])
    slope, offset = fit_logistic(np.concatenate([with_answer, best_wrong[asked]]), outcomes)
    slope = max(slope, 0.0)  # captions that say nothing of the media make no cosine count
    made: dict[str, Any] = {each: slope * line[0] for each, line in lines.items()}
    return {**made, "windows": slope, "offset": offset + slope * sum(line[1] for line in lines.values())}
