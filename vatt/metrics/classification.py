"""Classification metrics: top-k accuracy for one label a clip; average precision, AUC, d-prime for several.

A tie never helps the model: in top-k a class with the same score stands before the right one, so that a
collapsed model scores 0. Average precision and AUC take equal scores together (as scikit-learn does), so that
no figure depends on the order of the clips.
"""

import dataclasses

import numpy as np
from scipy.special import ndtri


def ranks_of_labels(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Rank of each clip's class among all classes, 1 = first; equal scores of other classes stand before it.

    Args:
        scores: [N, Y], higher is more likely; NaN is refused.
        labels: integers [N] in [0, Y).

    Returns:
        int64 [N] in [1, Y].
    """
    scores, labels = _checked_scores(scores), np.asarray(labels)
    if labels.shape != scores.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            "`labels` must be one class number per row of `scores`. "
            f"Received: {labels.dtype} of shape {labels.shape} for scores of shape {scores.shape}."
        )
    if labels.min() < 0 or labels.max() >= scores.shape[1]:
        raise ValueError(
            f"`labels` must be in [0, {scores.shape[1]}), the columns of `scores`. "
            f"Received: from {labels.min()} to {labels.max()}."
        )
    own = np.take_along_axis(scores, labels[:, None], axis=1)
    return np.count_nonzero(scores >= own, axis=1).astype(np.int64)


def top_k_accuracy(ranks: np.ndarray, k: int) -> float:
    """Share of clips whose class is among the first `k`, in [0, 1]; `ranks` from `ranks_of_labels`."""
    if k < 1:
        raise ValueError(f"`k` must be at least 1: ranks start at 1. Received: k={k}.")
    return float(np.mean(np.asarray(ranks) <= k))


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassRanking:
    """How well the scores of each class put its clips before the others.

    Args:
        clips: N.
        positives: int64 [Y], clips that have the class.
        average_precision: float64 [Y] in [0, 1], NaN for a class without clips.
        auc: float64 [Y] in [0, 1], area under the ROC curve, NaN for a class that no or every clip has.
        d_prime: float64 [Y], √2·Φ⁻¹(AUC), NaN where `auc` is.
    """

    clips: int
    positives: np.ndarray
    average_precision: np.ndarray
    auc: np.ndarray
    d_prime: np.ndarray

    @property
    def counted(self) -> int:
        """Classes that have clips and lack some: those that the means are of."""
        return int(np.isfinite(self.auc).sum())

    @property
    def mean_average_precision(self) -> float:
        """mAP: the unweighted mean over the counted classes."""
        return float(self.average_precision[np.isfinite(self.auc)].mean())

    @property
    def mean_auc(self) -> float:
        """The unweighted mean over the counted classes."""
        return float(self.auc[np.isfinite(self.auc)].mean())

    @property
    def mean_d_prime(self) -> float:
        """The mean of the per-class values: the paper's and the release's d-prime (Table 2: 2.895)."""
        return float(self.d_prime[np.isfinite(self.auc)].mean())

    @property
    def d_prime_of_mean_auc(self) -> float:
        """√2·Φ⁻¹ of the mean AUC, as in most of the AudioSet literature (2.68 where the other is 2.895)."""
        pairs = self.positives * (self.clips - self.positives)
        return d_prime(self.mean_auc, int(pairs.sum()))


def rank_classes(scores: np.ndarray, labels: np.ndarray) -> ClassRanking:
    """Average precision, AUC and d-prime of each class over all clips.

    Args:
        scores: [N, Y], higher is more likely; only the order within a column counts; NaN is refused.
        labels: [N, Y] of 0 and 1.

    Raises:
        ValueError: also if no class has both clips with and clips without it.
    """
    scores, labels = _checked_scores(scores), np.asarray(labels)
    if labels.shape != scores.shape or not np.isin(labels, (0, 1)).all():
        raise ValueError(
            "`labels` must be 0 or 1, one per score. "
            f"Received: shape {labels.shape} for scores of shape {scores.shape}, values from "
            f"{labels.min(initial=0)} to {labels.max(initial=0)}."
        )
    labels = labels.astype(bool)
    positives = labels.sum(axis=0)
    ranked = [_rank_class(scores[:, c], labels[:, c]) for c in range(scores.shape[1])]
    precision, auc, primes = (np.array(column) for column in zip(*ranked, strict=True))
    if not np.isfinite(auc).any():
        raise ValueError(
            "At least one class must have both clips that carry it and clips that do not. Received: "
            f"{len(labels)} clips, of whose {labels.shape[1]} classes none has. Is this the right split?"
        )
    return ClassRanking(
        clips=len(labels), positives=positives, average_precision=precision, auc=auc, d_prime=primes
    )


def d_prime(auc: float, pairs: int) -> float:
    """√2·Φ⁻¹(AUC), the distance in standard deviations of two normal distributions with that AUC.

    An AUC of 0 or 1 would be infinitely far. It counts as half a pair away from there, the usual correction
    of rates of 0 and 1 (Macmillan and Kaplan 1985), which touches no other value.

    Args:
        auc: in [0, 1].
        pairs: of a clip with and a clip without the class, that the AUC was counted from.
    """
    half = 0.5 / pairs
    if auc <= 0.0 or auc >= 1.0:
        auc = half if auc <= 0.0 else 1.0 - half
    return float(np.sqrt(2.0) * ndtri(auc))


def _rank_class(scores: np.ndarray, labels: np.ndarray) -> tuple[float, float, float]:
    """Average precision, AUC, d-prime of one class; NaN where one class is missing."""
    positives = int(labels.sum())
    negatives = labels.size - positives
    if not positives:
        return np.nan, np.nan, np.nan
    order = np.argsort(-scores, kind="stable")
    descending, hits = scores[order], labels[order]
    ends = np.flatnonzero(np.append(descending[1:] != descending[:-1], True))  # last of each equal score
    hits_above = np.cumsum(hits)[ends]
    new_hits = np.diff(hits_above, prepend=0)
    precision = float(np.sum(new_hits / positives * (hits_above / (ends + 1))))
    if not negatives:
        return precision, np.nan, np.nan
    misses_above = ends + 1 - hits_above
    new_misses = np.diff(misses_above, prepend=0)
    # Pairs in the right order; of equal scores half of them.
    right = np.sum(new_hits * (negatives - misses_above + new_misses / 2))
    auc = float(right / (positives * negatives))
    return precision, auc, d_prime(auc, positives * negatives)


def _checked_scores(scores) -> np.ndarray:
    scores = np.asarray(scores)
    if scores.ndim != 2 or not scores.size:
        raise ValueError(
            f"`scores` must be a matrix, a clip a row and a class a column. Received: shape {scores.shape}."
        )
    if np.isnan(scores).any():
        row, column = np.argwhere(np.isnan(scores))[0]
        raise ValueError(
            f"`scores` must not hold NaN. Received: NaN at clip {row}, class {column}. Check the weights "
            f"that made them."
        )
    return scores
