"""What all evaluators have: a name, a kept encoder, the artifact of the last evaluation, the early checks."""

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vatt.evals.encoder import compiled_encoder
from vatt.evals.protocol_card import protocol_card
from vatt.evals.rates import rate_warnings
from vatt.protocols import Batch, Dataset, Model
from vatt.spec import MODALITIES


class EvaluatorBase(abc.ABC):
    """Base of the evaluators; a subclass has `evaluate` and `table`, and sets `_artifact` there.

    Args:
        name: prefix of the metrics, name of the file in the report.
        dataset: gives `eval_batches`.
        batch_size: rows per call of the model, divided among the devices; changes memory and speed, not the
            figures.
    """

    def __init__(self, *, name: str, dataset: Dataset, batch_size: int):
        if not name or "/" in name:
            raise ValueError(
                f"`name` must be a word without '/': it prefixes metrics. Received: name={name!r}."
            )
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be at least 1. Received: batch_size={batch_size}.")
        self.name = name
        self.dataset = dataset
        self.batch_size = batch_size
        self._model: Model | None = None
        self._encoders: dict[tuple[str, ...], Callable[[Batch], Batch]] = {}
        self._artifact: dict | None = None

    @abc.abstractmethod
    def evaluate(self, model: Model) -> dict[str, float]:
        """Numbers by name, each prefixed with `NAME/`."""

    @abc.abstractmethod
    def table(self) -> tuple[str, list[str], list[list[str]]]:
        """Title, column heads and rows of the last evaluation, as text for a terminal."""

    def check(self, model: Model) -> None:  # noqa: B027 (most know nothing beforehand)
        """Raises for what is known to fail before any work: call it before a training that ends in this
        evaluation. `evaluate` does it by itself.
        """

    def warnings(self, model: Model) -> list[str]:
        """What makes the figures less than they look, in sentences, known before any work."""
        datasets = [self.dataset, getattr(self, "train_dataset", None)]
        return rate_warnings(model, [each for each in datasets if each is not None], self.modalities())

    def modalities(self) -> Sequence[str]:
        """Those that are measured."""
        return MODALITIES

    def artifact(self) -> dict:
        """The last evaluation, its protocol card included, in plain values that JSON can hold."""
        if self._artifact is None:
            raise RuntimeError(
                f"Evaluator {self.name!r} has nothing to show yet. Call `evaluate(model)` first."
            )
        return self._artifact

    def _encoder(self, model: Model, outputs: Sequence[str]) -> Callable[[Batch], Batch]:
        """The compiled call for some outputs, kept while the model stays the same: tracing costs seconds."""
        if self._model is not model:
            self._model, self._encoders = model, {}
        if (key := tuple(outputs)) not in self._encoders:
            self._encoders[key] = compiled_encoder(model, outputs)
        return self._encoders[key]

    def _card(self, model: Model, settings: dict[str, Any]) -> dict[str, Any]:
        card = protocol_card(model, self.dataset, {"evaluator": type(self).__name__, **settings})
        warnings = self.warnings(model)
        return card | {"warnings": warnings} if warnings else card

    def _named(self, figures: Mapping[str, float]) -> dict[str, float]:
        return {f"{self.name}/{key}": float(value) for key, value in figures.items()}
