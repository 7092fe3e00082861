"""Classification by a model's own head: top-1 and top-5 (one label a clip), or mAP, AUC and d-prime
(several).

The logits of all views of a clip (the paper: 4 windows × 3 crops) are averaged before it is judged, A.2.5.
"""

import gin

from vatt.evals import labels
from vatt.evals.base import EvaluatorBase
from vatt.evals.class_figures import KINDS, columns_and_cells, judge
from vatt.evals.outputs import clip_outputs, modality_read
from vatt.evals.protocol_card import TIE_RULE
from vatt.protocols import Dataset, Model


@gin.register
class Classification(EvaluatorBase):
    """How often a classifier is right.

    Clips that lack what the model reads are left out and counted.

    Args:
        name: prefix of the metrics, name of the file in the report: "kinetics400".
        dataset: gives `eval_batches` with labels, several views of a clip if it is so set.
        batch_size: rows (views) per call of the model; changes memory and speed, not the figures.
        kind: "single" (each clip has one class: top-1, top-5) or "multi" (any number: mAP, AUC, d-prime).
        output: of the model, [B, Y].
        labels_file: the classes as the head was trained on them, a name a line, to be compared with the
            dataset's; None disables.
    """

    def __init__(
        self,
        *,
        name: str,
        dataset: Dataset,
        batch_size: int = 16,
        kind: str = "single",
        output: str = "logits",
        labels_file: str | None = None,
    ):
        super().__init__(name=name, dataset=dataset, batch_size=batch_size)
        if kind not in KINDS:
            raise ValueError(f"`kind` must be one of {KINDS}. Received: kind={kind!r}.")
        self.kind = kind
        self.output = output
        self.labels_file = labels_file

    def check(self, model: Model) -> None:
        """Raises unless dataset, labels file and head have the same classes, and the model leaves the views
        to the evaluator.
        """
        names = labels.label_names(self.dataset)
        if self.labels_file is not None:
            labels.check_same_names(
                labels.read_label_names(self.labels_file),
                names,
                whose=f"the file {self.labels_file}",
                dataset=self.dataset,
            )
        views = getattr(model, "views", 1)
        if views > 1:
            raise ValueError(
                "The evaluator averages over views, as many as the dataset shows. Received: a model that "
                f"averages {views} rows itself. Set `views` of the model to 1."
            )
        classes = getattr(model, "classes", None)
        if self.output == "logits" and classes is not None and classes != len(names):
            raise ValueError(
                f"The head must have a class for each label of the dataset. Received: a model of {classes} "
                f"classes, {len(names)} labels in dataset {self.dataset.info.name!r}. Set `classes` of the "
                "model to that, or evaluate on the set it was trained on."
            )

    def evaluate(self, model: Model) -> dict[str, float]:
        """Numbers by name: see `Judgement`, and `NAME/clips`, `NAME/left_out`."""
        self.check(model)
        names = labels.label_names(self.dataset)
        shown = clip_outputs(
            self._encoder(model, [self.output]),
            self.dataset,
            output=self.output,
            modality=modality_read(model, self.output),
            batch_size=self.batch_size,
            width=len(names),
        )
        judged = judge(
            shown.mean(shown.rows), shown.labels, kind=self.kind, names=names, clip_ids=shown.clip_ids
        )
        counted = {"clips": len(shown), "left_out": shown.left_out}
        settings = {"views": shown.views, "averaged": "logits", "kind": self.kind, "ties": TIE_RULE}
        self._artifact = {
            "kind": "classification",
            **counted,
            "figures": judged.figures,
            "classes": judged.classes,
            **judged.outcome,
            "protocol": self._card(model, settings),
        }
        return self._named(judged.figures | counted)

    def table(self) -> tuple[str, list[str], list[list[str]]]:
        """Title, column heads and rows of the last evaluation, as text for a terminal."""
        artifact = self.artifact()
        heads, cells = columns_and_cells(self.kind, artifact["figures"])
        title = f"{self.name}: {artifact['clips']} clips, {artifact['protocol']['views']} views each"
        if artifact["left_out"]:
            title += f", {artifact['left_out']} left out"
        return title + ", chance in brackets" * (self.kind == "single"), ["", *heads], [[self.name, *cells]]
