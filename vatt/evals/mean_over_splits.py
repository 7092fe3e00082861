"""One figure for a data set of several official splits: the mean over them (UCF101 and HMDB51 have three)."""

from collections.abc import Sequence

import gin
import numpy as np

from vatt.evals.base import EvaluatorBase
from vatt.protocols import Model


@gin.register
class MeanOverSplits(EvaluatorBase):
    """Mean and standard deviation of the figures of evaluators that differ in their splits alone.

    Args:
        name: prefix of the metrics, name of the file in the report: "ucf101_all_splits".
        evaluators: `Classification`s, `ZeroShot`s or probes of one kind, with names of their own.
    """

    def __init__(self, *, name: str, evaluators: Sequence[EvaluatorBase]):
        names = [evaluator.name for evaluator in evaluators]
        if len(names) < 2 or len({*names, name}) <= len(names):
            raise ValueError(
                "`evaluators` must be two or more with names of their own. Received: "
                f"{', '.join(names) or 'none'}, in {name!r}. Give each split an evaluator and a name."
            )
        super().__init__(name=name, dataset=evaluators[0].dataset, batch_size=evaluators[0].batch_size)
        self.evaluators = tuple(evaluators)

    def check(self, model: Model) -> None:
        """Raises for what is known to fail before any work."""
        for evaluator in self.evaluators:
            evaluator.check(model)

    def warnings(self, model: Model) -> list[str]:
        """Those of the evaluators, each once."""
        return list(dict.fromkeys(said for each in self.evaluators for said in each.warnings(model)))

    def evaluate(self, model: Model) -> dict[str, float]:
        """Each evaluator's numbers under its own name; `NAME/top_1` and `NAME/top_1_deviation` (of the splits
        from their mean), likewise for every figure; `NAME/splits`.
        """
        self.check(model)
        numbers: dict[str, float] = {}
        for evaluator in self.evaluators:
            numbers |= evaluator.evaluate(model)
        artifacts = [evaluator.artifact() for evaluator in self.evaluators]
        parts = [artifact["figures"] for artifact in artifacts]
        if any(part.keys() != parts[0].keys() for part in parts):
            raise ValueError(
                "A mean needs figures of one kind. Received: "
                + "; ".join(
                    f"{each.name} with {', '.join(part)}"
                    for each, part in zip(self.evaluators, parts, strict=True)
                )
                + ". Give the evaluators the same `kind`."
            )
        figures = {}
        for key in parts[0]:
            values = [part[key] for part in parts]
            figures |= {key: float(np.mean(values)), f"{key}_deviation": float(np.std(values))}
        self._artifact = {
            "kind": "mean_over_splits",
            "figures": figures,
            "splits": {each.name: part for each, part in zip(self.evaluators, artifacts, strict=True)},
            "protocol": {
                "mean_over": {
                    each.name: part["protocol"] for each, part in zip(self.evaluators, artifacts, strict=True)
                }
            },
        }
        return numbers | self._named(figures | {"splits": len(parts)})

    def table(self) -> tuple[str, list[str], list[list[str]]]:
        """Title, column heads and rows of the last evaluation, as text for a terminal."""
        tables = [evaluator.table() for evaluator in self.evaluators]
        heads = tables[0][1]
        title = f"{self.name}: mean over {len(tables)} splits"
        figures = self.artifact()["figures"]
        if "top_1" in figures:
            title += f", top-1 {100 * figures['top_1']:.1f} ± {100 * figures['top_1_deviation']:.1f} %"
        else:
            title += f", mAP {100 * figures['mean_average_precision']:.1f} %"
        return title, heads, [row for _, _, rows in tables for row in rows]
