"""Zero-shot classification: clips against the names of their classes, written into sentences.

The paper has no such figure. A class is the mean of the unit embeddings of its name in each template, as in
CLIP; a clip's score for it is the cosine, averaged over the clip's views.
"""

import re
from collections.abc import Sequence

import gin
import numpy as np
import tensorflow as tf
from keras import ops

from vatt import spec
from vatt.evals import labels
from vatt.evals.base import EvaluatorBase
from vatt.evals.class_figures import KINDS, columns_and_cells, judge
from vatt.evals.outputs import clip_outputs
from vatt.evals.protocol_card import TIE_RULE
from vatt.evals.records import refuse_broken
from vatt.protocols import Dataset, Model
from vatt.unit_rows import unit_rows

TEMPLATES = ("{}", "a video of {}", "a person is doing {}", "this is {}")
_TEXT_ROWS = 64  # sentences encoded at a time
_WORD_BORDER = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_+")


def words_of_label(label: str) -> str:
    """A label as a person writes it: "ApplyEyeMakeup" and "apply_eye_makeup" -> "apply eye makeup"."""
    return " ".join(_WORD_BORDER.sub(" ", label).lower().split())


@gin.register
class ZeroShot(EvaluatorBase):
    """How often the sentence nearest to a clip is that of its class.

    Args:
        name: prefix of the metrics, name of the file in the report.
        dataset: gives `eval_batches` with labels, `label_names`, and reads words by its tokenizer: that of
            the model.
        modality: "video", or "audio", whose way into the video-text space is derived (never trained).
        batch_size: rows per call of the model; changes memory and speed, not the figures.
        kind: "single" or "multi", see `Classification`.
        templates: sentences, each with one "{}" for the name.
        label_texts: file of what to say instead of the names, a line for each class in order; None: names,
            split into words.
        words: length of a sentence, L; None: the `words` of the dataset's `ClipSpec`.
    """

    def __init__(
        self,
        *,
        name: str,
        dataset: Dataset,
        modality: str = spec.VIDEO,
        batch_size: int = 16,
        kind: str = "single",
        templates: str | Sequence[str] = TEMPLATES,
        label_texts: str | None = None,
        words: int | None = None,
    ):
        super().__init__(name=name, dataset=dataset, batch_size=batch_size)
        if modality not in (spec.VIDEO, spec.AUDIO):
            raise ValueError(f"`modality` must be 'video' or 'audio'. Received: modality={modality!r}.")
        if kind not in KINDS:
            raise ValueError(f"`kind` must be one of {KINDS}. Received: kind={kind!r}.")
        templates = (templates,) if isinstance(templates, str) else tuple(templates)
        if not templates or any(template.count("{}") != 1 for template in templates):
            raise ValueError(
                f"`templates` must be sentences with one {{}} each, such as 'a video of {{}}'. Received: "
                f"templates={templates}. Put it where the name of the class belongs."
            )
        self.modality = modality
        self.kind = kind
        self.templates = templates
        self.label_texts = label_texts
        self.words = words

    def modalities(self) -> tuple[str, ...]:
        """See `EvaluatorBase`."""
        return (self.modality,)

    def check(self, model: Model) -> None:
        """Raises unless the dataset has labels and a vocabulary, and every class a text."""
        self._sentences()

    def evaluate(self, model: Model) -> dict[str, float]:
        """Numbers by name: see `Judgement`; and `NAME/clips`, `NAME/left_out`, `NAME/classes_alike` (classes
        that read like another one in the model's vocabulary, between which it cannot choose).
        """
        names, sentences, ids = self._sentences()
        classes = self._embed_classes(model, ids)
        output = f"{self.modality}/{spec.VIDEO_TEXT}"
        shown = clip_outputs(
            self._encoder(model, [output]),
            self.dataset,
            output=output,
            modality=self.modality,
            batch_size=self.batch_size,
        )
        # Rounded, so that two classes that read alike score alike whatever the matrix kernel does.
        scores = (shown.mean(unit_rows(shown.rows, output)) @ classes.T).astype(np.float32)
        judged = judge(scores, shown.labels, kind=self.kind, names=names, clip_ids=shown.clip_ids)
        _, readings = np.unique(ids.reshape(len(names), -1), axis=0, return_inverse=True)
        alike = np.bincount(readings)[readings] > 1
        counted = {"clips": len(shown), "left_out": shown.left_out, "classes_alike": int(alike.sum())}
        settings = {
            "modality": self.modality,
            "derived": self.modality == spec.AUDIO,
            "templates": list(self.templates),
            "views": shown.views,
            "averaged": "cosines",
            "kind": self.kind,
            "ties": TIE_RULE,
        }
        self._artifact = {
            "kind": "zero_shot",
            **counted,
            "figures": judged.figures,
            "classes": [
                {**each, "sentence": sentence, "alike": bool(same)}
                for each, sentence, same in zip(judged.classes, sentences, alike, strict=True)
            ],
            **judged.outcome,
            "protocol": self._card(model, settings),
        }
        return self._named(judged.figures | counted)

    def table(self) -> tuple[str, list[str], list[list[str]]]:
        """Title, column heads and rows of the last evaluation, as text for a terminal."""
        artifact = self.artifact()
        heads, cells = columns_and_cells(self.kind, artifact["figures"])
        title = (
            f"{self.name}: {artifact['clips']} clips against {len(artifact['classes'])} names in "
            f"{len(self.templates)} templates"
        )
        if artifact["classes_alike"]:
            title += f", {artifact['classes_alike']} classes read like another one"
        return title, ["", *heads], [[self.name, *cells]]

    def _sentences(self) -> tuple[tuple[str, ...], list[str], np.ndarray]:
        """Names of the classes, their first sentences, and all of them as ids int32 [Y, P, L]."""
        names = labels.label_names(self.dataset)
        spoken = [words_of_label(name) for name in names]
        if self.label_texts is not None:
            spoken = labels.read_label_names(self.label_texts)
            if len(spoken) != len(names):
                raise ValueError(
                    f"`label_texts` must have a line for each class. Received: {len(spoken)} lines in "
                    f"{self.label_texts} for {len(names)} classes of dataset {self.dataset.info.name!r}. "
                    "Write a line for each, in the order of the dataset's labels."
                )
        tokenizer = self.dataset.info.tokenizer
        if tokenizer is None:
            raise ValueError(
                f"The names of classes are read by the dataset's tokenizer. Received: dataset "
                f"{self.dataset.info.name!r} without one. Use a prepared set, with the words of the model."
            )
        clip = self.dataset.info.clip
        length = self.words or (clip or spec.ClipSpec()).words
        # Not `format`: a name may hold braces.
        sentences = [template.replace("{}", text) for text in spoken for template in self.templates]
        ids = np.asarray(tokenizer.tokenize(tf.constant(sentences), length=length))
        if (ids[:, 0] == spec.PADDING_ID).any():
            empty = sentences[int(np.flatnonzero(ids[:, 0] == spec.PADDING_ID)[0])]
            raise ValueError(
                f"Every class must have words. Received: {empty!r}, of which nothing is left. Write its name "
                "into a file of `label_texts`."
            )
        return names, sentences[:: len(self.templates)], ids.reshape(len(names), len(self.templates), length)

    def _embed_classes(self, model: Model, ids: np.ndarray) -> np.ndarray:
        """float64 [Y, D], of length 1."""
        output = f"{spec.TEXT}/{spec.VIDEO_TEXT}"
        encode = self._encoder(model, [output])
        flat = ids.reshape(-1, ids.shape[-1])
        # The last block is filled up: one shape, one graph.
        filled = np.concatenate([flat, np.repeat(flat[:1], -len(flat) % _TEXT_ROWS, axis=0)])
        made = [
            ops.convert_to_numpy(encode({spec.TEXT: filled[first : first + _TEXT_ROWS]})[output])
            for first in range(0, len(filled), _TEXT_ROWS)
        ]
        embedded = np.concatenate(made)[: len(flat)]
        refuse_broken(embedded, output, _row_names(len(ids), len(self.templates)))
        units = unit_rows(embedded, output).reshape(*ids.shape[:2], -1)
        return unit_rows(units.mean(axis=1), output)


def _row_names(classes: int, templates: int) -> Sequence[str]:
    return [f"class {number}" for number in range(classes) for _ in range(templates)]
