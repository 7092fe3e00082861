"""One evaluation of a run directory: the source of a section of the report."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What one evaluator found."""

    name: str  # what it is called in the report
    prefix: str = ""  # of its numbers, before a "/": the evaluator's name
    step: int | None = None  # training steps before it; None where that is not known
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)  # numbers by name
    # what else it left, in plain values: "kind" says what they are, see `vatt/report/kinds.py`; {} where it
    # left nothing
    artifact: dict[str, Any] = dataclasses.field(default_factory=dict)
    # numbers of all its evaluations along the run, "step" among them, rising
    history: list[dict[str, float]] = dataclasses.field(default_factory=list)

    @property
    def kind(self) -> str:
        kind = self.artifact.get("kind")
        return kind if isinstance(kind, str) else ""

    def along(self, name: str) -> list[tuple[int, float]]:
        """(step, value) of a number, by its name without the prefix, in all evaluations of the run."""
        key = f"{self.prefix}/{name}"
        found = {int(line["step"]): line[key] for line in self.history if key in line}  # the last of a step
        return sorted(found.items())

    @property
    def protocol(self) -> dict[str, Any]:
        """How it was measured (`vatt/evals/protocol_card.py`); {} where it does not say."""
        card = self.artifact.get("protocol")
        return card if isinstance(card, dict) else {}

    @property
    def when(self) -> str:
        """The beginning of a sentence: "After step 1,250: ", or "" for a run that makes no step."""
        return f"After step {self.step:,}: " if self.step else ""
