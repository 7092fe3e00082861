"""Linear evaluation by a support vector machine (Table 8), its C searched for on the training split alone."""

import dataclasses
import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import gin
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import LinearSVC

from vatt.evals.features import Standardise
from vatt.evals.probe import TrainingRows

# The released code names C = 6e-5, of features that are not standardised. Larger ones than these take much
# longer to fit, and fit noise.
GRID = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
_MAX_ITERATIONS = 1000


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class SvmClassifier:
    """One-against-rest linear SVMs (scikit-learn `LinearSVC`, squared hinge, L2).

    C is that of the grid with the best mean accuracy over stratified folds of the training clips, the
    smallest where several are equal; all views of a clip are in one fold, and each fold is standardised by
    its own training part. The SVM is then fitted on all of them.

    The fits of the search run side by side. Each is by Newton's method on the primal, in which nothing is
    drawn, so that their order changes nothing.

    Args:
        grid: values of C; a single one is taken without a search.
        folds: of the search; a class must have as many clips.
        standardise: whether features are brought to mean 0 and deviation 1 of the training rows.
    """

    grid: Sequence[float] = GRID
    folds: int = 3
    standardise: bool = True

    scored_by = "decision values"

    def __post_init__(self) -> None:
        if not self.grid or any(not value > 0 for value in self.grid):
            raise ValueError(f"`grid` must be positive values of C. Received: grid={tuple(self.grid)}.")
        if self.folds < 2:
            raise ValueError(
                f"`folds` must be at least 2. Received: folds={self.folds}. Or give one C as `grid`."
            )
        object.__setattr__(self, "grid", tuple(sorted(set(self.grid))))

    def settings(self) -> dict:
        """See `Classifier` of `probe.py`."""
        return {"classifier": "LinearSVC", **dataclasses.asdict(self)}

    def fit_and_score(
        self, train: TrainingRows, rows: np.ndarray, classes: int, seed: int
    ) -> tuple[np.ndarray, dict]:
        """See `Classifier` of `probe.py`; the folds are drawn."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # counted, see `unfinished_fits`
            return self._fit_and_score(train, rows, classes, seed)

    def _fit_and_score(
        self, train: TrainingRows, rows: np.ndarray, classes: int, seed: int
    ) -> tuple[np.ndarray, dict]:
        present = np.unique(train.classes)
        if present.size < 2:
            raise ValueError(
                f"A classifier needs training clips of two classes. Received: {present.size} of {classes}. "
                "Train on more of the set, or on another split."
            )
        searched, stuck = self._search(train, seed) if len(self.grid) > 1 else ({}, 0)
        chosen = max(self.grid, key=lambda c: (searched.get(c, 0.0), -c))
        values, unfinished = self._decide(chosen, train.rows, train.classes, rows)
        # A class that was never seen stands behind all others.
        scores = np.full((len(rows), classes), values.min() - 1.0)
        scores[:, present] = values
        return scores, {
            "c": chosen,
            "accuracy_of_c": {f"{c:g}": round(accuracy, 4) for c, accuracy in searched.items()},
            "unfinished_fits": stuck + unfinished,
        }

    def _search(self, train: TrainingRows, seed: int) -> tuple[dict[float, float], int]:
        """Mean accuracy over the folds of each C, and how many fits the solver gave up."""
        self._check_folds(train)
        folds = StratifiedGroupKFold(self.folds, shuffle=True, random_state=seed)
        parts = list(folds.split(train.rows, train.classes, train.clips))

        def accuracy(task) -> tuple[float, int]:
            c, (fitted, held) = task
            values, unfinished = self._decide(c, train.rows[fitted], train.classes[fitted], train.rows[held])
            known = np.unique(train.classes[fitted])
            return float(np.mean(known[values.argmax(axis=1)] == train.classes[held])), unfinished

        tasks = [(c, part) for c in self.grid for part in parts]
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # the solver works without Python's lock
            done = list(pool.map(accuracy, tasks))
        by_c = np.array([each for each, _ in done]).reshape(len(self.grid), self.folds)
        means = dict(zip(self.grid, by_c.mean(axis=1).tolist(), strict=True))
        return means, sum(unfinished for _, unfinished in done)

    def _decide(self, c: float, train_rows, train_classes, rows) -> tuple[np.ndarray, int]:
        """Decision values [M, classes that occur], and 1 if the solver gave up before it was done."""
        if self.standardise:
            scale = Standardise.of(train_rows)
            train_rows, rows = scale(train_rows), scale(rows)
        machine = LinearSVC(C=c, dual=False, max_iter=_MAX_ITERATIONS)
        machine.fit(train_rows.astype(np.float64), train_classes)
        values = machine.decision_function(rows.astype(np.float64))
        if values.ndim == 1:  # two classes have one plane between them
            values = np.stack([-values, values], axis=1)
        return values, int(machine.n_iter_ >= _MAX_ITERATIONS)

    def _check_folds(self, train: TrainingRows) -> None:
        _, first = np.unique(train.clips, return_index=True)
        present, counts = np.unique(train.classes[first], return_counts=True)
        if counts.min() < self.folds:
            raise ValueError(
                f"Every class must have a clip for each of the {self.folds} folds of the search for C. "
                f"Received: {counts.min()} of class {present[counts.argmin()]}. Lower `folds`, or give a "
                "single C as `grid`."
            )
