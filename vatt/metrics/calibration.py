"""From similarity to probability, and how far a stated probability may be believed."""

import dataclasses

import numpy as np
from scipy import optimize, special

_LOG_TEMPERATURES = (np.log(1e-3), np.log(1e2))  # where `fit_temperature` looks
_CLOSE = 1e-9  # of the gradient of the mean loss to 0, in `fit_logistic`


@dataclasses.dataclass(frozen=True)
class Bin:
    """Predictions that are together: how many, their mean, and how often what they say came true."""

    count: int
    stated: float
    observed: float


def reliability(probabilities: np.ndarray, outcomes: np.ndarray, *, bins: int = 15) -> list[Bin]:
    """Bins of equal width over [0, 1], (0, 1/bins], …; empty ones are left out (Guo et al. 2017).

    Args:
        probabilities: [N] in [0, 1].
        outcomes: [N] of 0 and 1.
        bins: how many.
    """
    probabilities, outcomes = _checked(probabilities, outcomes)
    return equal_width_bins(probabilities, outcomes, low=0.0, high=1.0, bins=bins)


def equal_width_bins(
    values: np.ndarray, outcomes: np.ndarray, *, low: float, high: float, bins: int
) -> list[Bin]:
    """Bins of equal width over [low, high], which the values are in; empty ones are left out.

    Args:
        values: [N].
        outcomes: [N] of 0 and 1.
        low, high: ends of the first and last bin.
        bins: how many.
    """
    values, outcomes = np.asarray(values, np.float64), np.asarray(outcomes, np.float64)
    place = np.clip(np.ceil((values - low) / (high - low) * bins).astype(np.int64) - 1, 0, bins - 1)
    return _bins(values, outcomes, [np.flatnonzero(place == each) for each in range(bins)])


def equal_mass_bins(values: np.ndarray, outcomes: np.ndarray, *, bins: int = 15) -> list[Bin]:
    """Bins of equally many values in rising order; equal values stay in one bin.

    Args:
        values: [N], finite: probabilities, or similarities.
        outcomes: [N] of 0 and 1.
        bins: at most how many.
    """
    values, outcomes = np.asarray(values, np.float64), np.asarray(outcomes, np.float64)
    edges = np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1]) if len(values) else []
    place = np.searchsorted(np.unique(edges), values, side="left")
    return _bins(values, outcomes, [np.flatnonzero(place == each) for each in np.unique(place)])


def expected_calibration_error(bins: list[Bin]) -> float:
    """ECE: mean over predictions of the distance between stated and observed of their bin (Naeini 2015)."""
    total = sum(each.count for each in bins)
    return float(sum(each.count * abs(each.stated - each.observed) for each in bins) / total)


def brier_score(probabilities: np.ndarray, outcomes: np.ndarray) -> float:
    """Mean squared distance between probabilities [N] in [0, 1] and outcomes [N] of 0 and 1 (Brier 1950)."""
    probabilities, outcomes = _checked(probabilities, outcomes)
    return float(np.mean((probabilities - outcomes) ** 2))


def fit_logistic(scores: np.ndarray, outcomes: np.ndarray) -> tuple[float, float]:
    """Slope a and offset b of probability = 1 / (1 + exp(−(a · score + b))) (Platt 1999).

    Outcomes are drawn towards the middle as there, (N₊ + 1) / (N₊ + 2) and 1 / (N₋ + 2), so that scores which
    separate them without error have a finite answer.

    Args:
        scores: [N], finite.
        outcomes: [N] of 0 and 1, both of which occur.
    """
    scores, outcomes = np.asarray(scores, np.float64), np.asarray(outcomes, np.float64)
    right = float(outcomes.sum())
    wrong = len(outcomes) - right
    if not right or not wrong:
        raise ValueError(
            f"A probability is fitted to outcomes of both kinds. Received: {right:.0f} right and {wrong:.0f} "
            "wrong. Evaluate on more clips."
        )
    targets = np.where(outcomes > 0, (right + 1) / (right + 2), 1 / (wrong + 2))
    # Scores near one another would make a system that can hardly be solved.
    middle, spread = scores.mean(), scores.std() or 1.0
    standard = (scores - middle) / spread

    def loss(line):
        logits = line[0] * standard + line[1]
        errors = special.expit(logits) - targets
        mean = np.mean(np.logaddexp(0, logits) - targets * logits)
        return mean, np.array([np.mean(errors * standard), np.mean(errors)])

    begin = np.array([0.0, np.log((right + 1) / (wrong + 1))])
    slope, offset = optimize.minimize(loss, begin, jac=True, method="BFGS", options={"gtol": _CLOSE}).x
    slope = slope / spread
    return float(slope), float(offset - slope * middle)


def logistic(scores: np.ndarray, slope: float, offset: float) -> np.ndarray:
    """Probabilities of scores [N] by the map of `fit_logistic`, float64 [N]."""
    return special.expit(slope * np.asarray(scores, np.float64) + offset)


def first_confidence(scores: np.ndarray, groups: np.ndarray, temperature: float) -> np.ndarray:
    """What softmax(scores / T) promises of the first answer: the probability of its whole group, [Q].

    Args:
        scores: [Q, N].
        groups: int [N], equal for items that answer for each other.
        temperature: T.
    """
    probabilities = special.softmax(np.asarray(scores, np.float64) / temperature, axis=1)
    first = np.asarray(scores).argmax(axis=1)
    return np.where(groups[None, :] == groups[first][:, None], probabilities, 0.0).sum(axis=1)


def fit_temperature(scores: np.ndarray, right: np.ndarray) -> float:
    """The temperature that makes softmax(scores / T) most likely to hold a right item (Guo et al. 2017).

    Args:
        scores: [Q, N].
        right: bool [Q, N], at least one a row: the items that answer a query.
    """
    scores, right = np.asarray(scores, np.float64), np.asarray(right, bool)
    answers = np.where(right, 0.0, -np.inf)

    def loss(log_temperature):
        logits = scores / np.exp(log_temperature)
        return -np.mean(special.logsumexp(logits + answers, axis=1) - special.logsumexp(logits, axis=1))

    found = optimize.minimize_scalar(
        loss, bounds=_LOG_TEMPERATURES, method="bounded", options={"xatol": 1e-6}
    )
    return float(np.exp(found.x))


def _checked(probabilities, outcomes) -> tuple[np.ndarray, np.ndarray]:
    probabilities, outcomes = np.asarray(probabilities, np.float64), np.asarray(outcomes, np.float64)
    if not probabilities.size or not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError(
            "Probabilities must be in [0, 1], at least one. Received: "
            f"{probabilities.size} from {probabilities.min(initial=np.nan)} to "
            f"{probabilities.max(initial=np.nan)}."
        )
    return probabilities, outcomes


def _bins(values: np.ndarray, outcomes: np.ndarray, members: list[np.ndarray]) -> list[Bin]:
    return [
        Bin(len(rows), float(values[rows].mean()), float(outcomes[rows].mean()))
        for rows in members
        if len(rows)
    ]
