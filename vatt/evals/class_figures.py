"""Scores of clips for classes, judged: the numbers, the rows for a terminal, the classes one by one."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from vatt.evals.labels import class_numbers
from vatt.metrics import classification

KINDS = ("single", "multi")
TOP = (1, 5)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Judgement:
    """What scores are worth.

    Args:
        figures: numbers by name. For "single": top_1, top_5, chance_top_1 (the share of the commonest class),
            mean_class_accuracy (classes without clips left out). For "multi": mean_average_precision,
            mean_auc, d_prime (mean of the per-class values), d_prime_of_mean_auc, classes_left_out.
        classes: for each class its label, clips and figures, in plain values.
        outcome: for "single", in plain values: "ranks", of each clip's class among all, in the order of the
            clips, 1 being first; and "confusion", [class, class it was taken for, clips] of every pair that
            occurs, classes by number. For "multi", nothing.
    """

    figures: dict[str, float]
    classes: list[dict]
    outcome: dict[str, list] = dataclasses.field(default_factory=dict)


def judge(
    scores: np.ndarray, labels: np.ndarray, *, kind: str, names: Sequence[str], clip_ids: Sequence[str]
) -> Judgement:
    """Judges scores [N, Y] by labels [N, Y] of 0 and 1.

    Args:
        scores: higher is more likely.
        labels: one 1 in each row for "single".
        kind: "single" or "multi".
        names: of the Y classes.
        clip_ids: of the N clips.
    """
    if kind == "single":
        return _judge_single(scores, class_numbers(labels, clip_ids), names)
    return _judge_multi(scores, labels, names)


def columns_and_cells(kind: str, figures: dict[str, float]) -> tuple[list[str], list[str]]:
    """Heads and cells of the figures, for a table in a terminal."""
    if kind == "single":
        heads = ["top-1 %", "top-5 %", "mean of classes %"]
        chance = f" ({100 * figures['chance_top_1']:.1f})"
        return heads, [
            f"{100 * figures['top_1']:.1f}{chance}",
            f"{100 * figures['top_5']:.1f}",
            f"{100 * figures['mean_class_accuracy']:.1f}",
        ]
    heads = ["mAP %", "AUC %", "d-prime", "d-prime of mean AUC", "classes left out"]
    return heads, [
        f"{100 * figures['mean_average_precision']:.1f}",
        f"{100 * figures['mean_auc']:.1f}",
        f"{figures['d_prime']:.3f}",
        f"{figures['d_prime_of_mean_auc']:.3f}",
        f"{figures['classes_left_out']:.0f}",
    ]


def _judge_single(scores: np.ndarray, numbers: np.ndarray, names: Sequence[str]) -> Judgement:
    ranks = classification.ranks_of_labels(scores, numbers)
    predicted = _taken_for(scores, numbers, ranks)
    counts = np.bincount(numbers, minlength=len(names))
    classes, accuracies = [], []
    for number, name in enumerate(names):
        own = numbers == number
        described = {"label": name, "clips": int(counts[number])}
        if counts[number]:
            accuracy = classification.top_k_accuracy(ranks[own], 1)
            accuracies.append(accuracy)
            described |= {"top_1": accuracy, "top_5": classification.top_k_accuracy(ranks[own], 5)}
            wrong = np.bincount(predicted[own & (predicted != number)], minlength=len(names))
            if wrong.any():
                described |= {"taken_for": names[int(wrong.argmax())], "taken_for_clips": int(wrong.max())}
        classes.append(described)
    figures = {f"top_{k}": classification.top_k_accuracy(ranks, k) for k in TOP}
    figures |= {
        "chance_top_1": float(counts.max() / counts.sum()),
        "mean_class_accuracy": float(np.mean(accuracies)),
    }
    pairs, clips = np.unique(np.stack([numbers, predicted], axis=1), axis=0, return_counts=True)
    confusion = np.column_stack([pairs, clips]).tolist()
    return Judgement(
        figures=figures, classes=classes, outcome={"ranks": ranks.tolist(), "confusion": confusion}
    )


def _taken_for(scores: np.ndarray, numbers: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """The class with the highest score, int64 [N]; of equal ones a wrong one, as in the ranks."""
    scores = np.array(scores, np.float64)
    wrong = np.flatnonzero(ranks > 1)
    scores[wrong, numbers[wrong]] = -np.inf
    return scores.argmax(axis=1)


def _judge_multi(scores: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> Judgement:
    ranking = classification.rank_classes(scores, labels)
    columns = {
        "average_precision": ranking.average_precision,
        "auc": ranking.auc,
        "d_prime": ranking.d_prime,
    }
    classes = [
        {"label": name, "clips": int(ranking.positives[number])}
        | {key: float(column[number]) for key, column in columns.items() if np.isfinite(column[number])}
        for number, name in enumerate(names)
    ]
    figures = {
        "mean_average_precision": ranking.mean_average_precision,
        "mean_auc": ranking.mean_auc,
        "d_prime": ranking.mean_d_prime,
        "d_prime_of_mean_auc": ranking.d_prime_of_mean_auc,
        "classes": float(ranking.counted),
        "classes_left_out": float(len(names) - ranking.counted),
    }
    return Judgement(figures=figures, classes=classes)
