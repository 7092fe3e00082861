"""One evaluation as it lies in a run directory: what a section of the report is made from."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What one evaluator found.

    Args:
        name: of the evaluator, which prefixes its numbers.
        step: training steps before it; None where that is not known.
        metrics: numbers by name.
        artifact: what else it left, in plain values: "kind" says what they are, see `vatt/report/kinds.py`;
            {} where it left nothing.
        history: numbers of all its evaluations along the run, "step" among them, rising.
    """

    name: str
    step: int | None = None
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)
    artifact: dict[str, Any] = dataclasses.field(default_factory=dict)
    history: list[dict[str, float]] = dataclasses.field(default_factory=list)

    @property
    def kind(self) -> str | None:
        kind = self.artifact.get("kind")
        return kind if isinstance(kind, str) else None

    @property
    def protocol(self) -> dict[str, Any]:
        """How it was measured (`vatt/evals/protocol_card.py`); {} where it does not say."""
        card = self.artifact.get("protocol")
        return card if isinstance(card, dict) else {}

    @property
    def when(self) -> str:
        """The beginning of a sentence: "After step 1,250: ", or "" for a run that makes no step."""
        return f"After step {self.step:,}: " if self.step else ""
