"""The two shapes of linear probe: two linear maps with something dropped between them, trained by Adam.

The paper's classifier is C = U·V of which a tenth of the components is drawn in each step (A.3.2), the
release's is dense–dropout–dense. In both, what is drawn scales what is between the maps. They are small
enough for NumPy: a step takes less than a millisecond, needs no device, and repeats to the last bit.
"""

import dataclasses

import gin
import numpy as np


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class LowRank:
    """The paper's linear probe, features · U · V without biases; what a step does not draw is 0.

    Args:
        components: n, the rank of C.
        drawn: components drawn in each step, uniformly without repetition, and scaled by components / drawn;
            at evaluation all count.
    """

    components: int = 128
    drawn: int = 13  # the paper's "10 %"

    biases = False
    l2 = 0.0

    def __post_init__(self):
        if not 1 <= self.drawn <= self.components:
            raise ValueError(
                "`drawn` must be some of the `components`. "
                f"Received: drawn={self.drawn}, components={self.components}."
            )

    @property
    def width(self) -> int:
        """Features between the two maps."""
        return self.components

    def draw(self, random: np.random.Generator, rows: int) -> tuple[np.ndarray | slice, np.ndarray]:
        """The columns that a step uses, and their factors, float32 [1, columns]."""
        columns = np.sort(random.permutation(self.components)[: self.drawn])
        return columns, np.full((1, self.drawn), self.components / self.drawn, np.float32)


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class DenseDropoutDense:
    """The release's linear probe, dense, dropout, dense with a penalty on its kernel; both with biases.

    Args:
        width: features of the first dense layer.
        dropout_rate: share of them set to 0 in each row of a step, the others are scaled up.
        l2: the loss has `l2` · Σ kernel² of the second layer added.
    """

    width: int = 128
    dropout_rate: float = 0.9
    l2: float = 0.1

    biases = True

    def __post_init__(self):
        if not 0 <= self.dropout_rate < 1 or self.l2 < 0:
            raise ValueError(
                "`dropout_rate` must be in [0, 1), `l2` must not be negative. "
                f"Received: dropout_rate={self.dropout_rate}, l2={self.l2}."
            )

    def draw(self, random: np.random.Generator, rows: int) -> tuple[np.ndarray | slice, np.ndarray]:
        """All columns, and their factors in each row, float32 [rows, width]."""
        kept = random.random((rows, self.width), dtype=np.float32) >= self.dropout_rate
        return slice(None), kept.astype(np.float32) / np.float32(1 - self.dropout_rate)


class TwoMaps:
    """logits = ((x · first + first_bias) ∘ factors) · second + second_bias.

    Args:
        form: `LowRank` or `DenseDropoutDense`.
        features: D of x.
        classes: Y.
        random: draws the initial kernels, Glorot uniform; biases begin at 0.
    """

    def __init__(
        self, form: "LowRank | DenseDropoutDense", *, features: int, classes: int, random: np.random.Generator
    ):
        self.form = form
        self.weights = {
            "first": _glorot(random, features, form.width),
            "second": _glorot(random, form.width, classes),
        }
        if form.biases:
            self.weights["first_bias"] = np.zeros(form.width, np.float32)
            self.weights["second_bias"] = np.zeros(classes, np.float32)

    def logits(self, rows: np.ndarray) -> np.ndarray:
        """float32 [M, Y] of [M, D], with nothing dropped."""
        hidden = rows @ self.weights["first"] + self.weights.get("first_bias", 0)
        return hidden @ self.weights["second"] + self.weights.get("second_bias", 0)

    def gradients(
        self,
        rows: np.ndarray,
        classes: np.ndarray,
        columns: np.ndarray | slice,
        factors: np.ndarray,
    ) -> tuple[float, dict[str, np.ndarray]]:
        """Mean cross-entropy with the penalty, and its gradients by name of the weight.

        Args:
            rows: float32 [R, D].
            classes: int64 [R].
            columns, factors: as drawn by the form.
        """
        first, second = self.weights["first"][:, columns], self.weights["second"][columns]
        hidden = rows @ first
        if self.form.biases:
            hidden += self.weights["first_bias"][columns]
        hidden *= factors
        logits = hidden @ second
        if self.form.biases:
            logits += self.weights["second_bias"]
        log_shares = logits - logits.max(axis=1, keepdims=True)
        log_shares -= np.log(np.exp(log_shares).sum(axis=1, keepdims=True))
        places = np.arange(len(rows))
        loss = -log_shares[places, classes].mean() + self.form.l2 * np.square(self.weights["second"]).sum()
        back = np.exp(log_shares)
        back[places, classes] -= 1
        back /= len(rows)
        back_hidden = (back @ second.T) * factors
        made = {name: np.zeros_like(weight) for name, weight in self.weights.items()}
        made["second"] = 2 * self.form.l2 * self.weights["second"]
        made["second"][columns] += hidden.T @ back
        made["first"][:, columns] = rows.T @ back_hidden
        if self.form.biases:
            made["second_bias"] = back.sum(axis=0)
            made["first_bias"][columns] = back_hidden.sum(axis=0)
        return float(loss), made


class Adam:
    """Adam as Keras has it (β 0.9 and 0.999, ε 1e-7 added to the root of the uncorrected variance).

    Args:
        weights: changed in place.
        learning_rate: constant.
    """

    def __init__(self, weights: dict[str, np.ndarray], *, learning_rate: float):
        self._weights = weights
        self._learning_rate = learning_rate
        self._steps = 0
        self._means = {name: np.zeros_like(weight) for name, weight in weights.items()}
        self._variances = {name: np.zeros_like(weight) for name, weight in weights.items()}

    def apply(self, gradients: dict[str, np.ndarray]) -> None:
        """One update."""
        self._steps += 1
        rate = self._learning_rate * np.sqrt(1 - 0.999**self._steps) / (1 - 0.9**self._steps)
        for name, gradient in gradients.items():
            mean, variance = self._means[name], self._variances[name]
            mean += (gradient - mean) * np.float32(0.1)
            variance += (np.square(gradient) - variance) * np.float32(0.001)
            self._weights[name] -= np.float32(rate) * mean / (np.sqrt(variance) + np.float32(1e-7))


def _glorot(random: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    limit = np.sqrt(6 / (rows + columns))
    return random.uniform(-limit, limit, (rows, columns)).astype(np.float32)
