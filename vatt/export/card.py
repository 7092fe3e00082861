"""The model card of an export: what the model is, its inputs and outputs, its training data, what was
measured, and where it ends. The same facts go to `README.md` for people and to `model_card.json` for
programs.

`model_card.md` and `hub_page.md` next to this module are the pages with places for the facts. What no program
can know remains in the card as "To be written", for the publisher of the model.
"""

import dataclasses
import json
import re
import string
from pathlib import Path
from typing import Any

import numpy as np

from vatt.convert.released import describe
from vatt.data.description import describe_inputs
from vatt.embed.loading import Trained
from vatt.evals.protocol_card import code_version, precision, weights_fingerprint
from vatt.export.asked import Naming
from vatt.export.run_facts import RunFacts
from vatt.models.classifier import Classifier

TEMPLATE, HUB_PAGE = (Path(__file__).with_name(name) for name in ("model_card.md", "hub_page.md"))
PAPER = (
    "VATT: Transformers for Multimodal Self-Supervised Learning from Raw Video, Audio and Text "
    "(Akbari et al., NeurIPS 2021)"
)
_BIASES = (
    "It knows what its data showed, with the biases of those data. Nothing here was tested for fairness or "
    "safety, and it must not decide about people."
)
_CITATION = """\
```
@inproceedings{akbari2021vatt,
  title = {{VATT}: Transformers for Multimodal Self-Supervised Learning from Raw Video, Audio and Text},
  author = {Akbari, Hassan and Yuan, Liangzhe and Qian, Rui and Chuang, Wei-Hong and Chang, Shih-Fu and
    Cui, Yin and Gong, Boqing},
  booktitle = {Advances in Neural Information Processing Systems 34},
  year = {2021}
}
```"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Card:
    """The facts of one export."""

    naming: Naming  # what the publisher decided
    trained: Trained  # the model
    run: RunFacts  # the records of its run
    signatures: list[tuple[str, str, str]]  # (name, input, outputs) in words
    golden_hash: str  # see `golden_hash`
    # what was written -> the largest difference from the golden embeddings, None where nothing of the kind
    # can be measured
    formats: dict[str, float | None]
    several_labels: bool = False  # of a classifier, see `ExportedClassifier`

    @property
    def is_classifier(self) -> bool:
        return isinstance(self.trained.model, Classifier)

    @property
    def summary(self) -> str:
        model = self.trained.model
        if self.is_classifier:
            return f"Classifies raw {model.modality} into {model.classes} classes with a VATT backbone."
        return "Embeds raw video, raw audio and sentences into common spaces: VATT, without convolutions."

    @property
    def checks(self) -> list[str]:
        """A line for each thing that was written, with its largest difference from the model."""
        return [
            f"{name:<24}" + ("" if gap is None else f" differs from the model by at most {gap:.2g}")
            for name, gap in self.formats.items()
        ]

    def facts(self) -> dict[str, Any]:
        """Everything in plain values."""
        model, trained = self.trained.model, self.trained
        return {
            **dataclasses.asdict(self.naming),
            "class": type(model).__name__,
            "summary": self.summary,
            "weights": weights_fingerprint(model),
            "precision": precision(model),
            "inputs": describe_inputs(trained.known_clip, trained.tokenizer, trained.label_names),
            "signatures": [dict(zip(("name", "input", "outputs"), row)) for row in self.signatures],
            "several_labels": self.several_labels if self.is_classifier else None,
            "golden_hash": self.golden_hash,
            "formats": self.formats,
            "training": self.run.started | {"identity": self.run.identity},
            "evaluations": self.run.evaluations,
            "evaluations_of_other_weights": list(self.run.of_other_weights),
            "limits": _limits(self),
            "biases": _BIASES,
            "energy": _energy(self.run),
            "exported_by": code_version(),
        }


def model_card(card: Card) -> str:
    """`README.md` of an export."""
    opened, imports = 'tf.saved_model.load("saved_model")', "# plain TensorFlow: pip install tensorflow"
    intended = "Retrieval of clips by sentences, video and audio; features of video and audio for training."
    if card.is_classifier:
        intended = f"Telling which of its classes raw {card.trained.model.modality} belongs to."
    return _filled(
        TEMPLATE,
        card,
        intended_use=intended,
        example=_example(card, opened, imports),
        data=_data(card),
        training=_training(card.run),
        protocols=_protocols(card.run),
        energy=_energy(card.run),
        formats=_formats_table(card),
        golden=f"Golden embeddings: `golden.npz`, hash `{card.golden_hash}`: fixed inputs and what the "
        f"Python model made of them. Weights: `{weights_fingerprint(card.trained.model)}`.",
        citation=_CITATION,
    )


def hub_page(card: Card) -> str:
    """The page of TF Hub's Markdown format: its metadata comments, what it is, how it is used, what was
    measured."""
    model = card.trained.model
    metadata = {
        "asset-path": f"{card.naming.name}.tar.gz",
        "task": f"{model.modality}-classification" if card.is_classifier else "video-feature-vector",
        "fine-tunable": "true",
        "format": "saved_model_2",
        "network-architecture": "transformer",
        "dataset": ", ".join(card.run.datasets),
        "license": card.naming.licence.lower(),
    }
    return _filled(
        HUB_PAGE,
        card,
        publisher=card.naming.publisher,
        version=str(card.naming.version),
        metadata="\n".join(f"<!-- {key}: {value} -->" for key, value in metadata.items() if value),
        example=_example(card, "hub.load(URL)", "import tensorflow_hub as hub"),
    )


def _filled(template: Path, card: Card, **facts: str) -> str:
    """A template with these facts, and those that both pages have, in their places."""
    facts |= {
        "name": card.naming.name,
        "summary": card.summary,
        "overview": _overview(card),
        "signatures": _signatures_table(card),
        "figures": _figures_table(card.run),
        "limits": _limits(card),
        "biases": _BIASES,
        "fine_tuning": _fine_tuning(card),
        "licence": _licence(card.naming.licence),
    }
    return string.Template(template.read_text(encoding="utf-8")).substitute(facts)


def _overview(card: Card) -> str:
    model, clip = card.trained.model, card.trained.known_clip
    weights = sum(int(np.prod(variable.shape)) for variable in model.weights)
    return (
        f"{describe(model)}, encoders as layers × width, with {weights:,} weights, after {PAPER}. A clip "
        f"is {clip.frames} frames of {clip.frame_size} × {clip.frame_size} pixels "
        f"at {clip.frame_rate_hz:g} Hz, and {clip.samples:,} samples at {clip.sample_rate_hz:,} Hz. Of "
        "each frame the middle square is seen, resized inside. Longer media are cut into windows one "
        "after the other, of which the last ends where the media end, and what comes out is their mean; "
        "of shorter ones the last frame is held and zeros follow the last sample. All numbers are "
        "computed in float32."
    )


def _fine_tuning(card: Card) -> str:
    model = card.trained.model
    drops = sorted({f"{each.drop_rate:g}" for each in model.towers.values() if each.drop_rate is not None})
    done = [f"drops out and drops tokens (rate {', '.join(drops)})"] if drops else []
    done += ["normalises by the batch inside its ConvNets"] if model.mixes_rows else []
    as_trained = ", and the heads normalise by the batch, as they did in training."
    if card.is_classifier:
        as_trained = ", as it did in training."
    return (
        "The object is callable, `module(inputs, training=True)`, and has `variables`, "
        "`trainable_variables` and `regularization_losses`; gradients reach every trainable variable. In "
        f"training it {' and '.join(done)}{as_trained}"
    )


def _limits(card: Card) -> str:
    said = ["Digital silence and black video have embeddings too, which are meaningless."]
    if not card.is_classifier:
        spaces = getattr(card.trained.model, "spaces", None)
        if not (spaces and spaces.all_pairs):
            said.append(
                "Audio and text were never trained against each other: their cosine in `video_text` goes "
                "via the video-audio space (zero-shot)."
            )
        if (tokenizer := card.trained.tokenizer) is not None:
            said.append(
                f"It reads the {tokenizer.size} words of its list and no others; a sentence of none of them "
                f"is refused, one of more than {card.trained.known_clip.words} words is cut there."
            )
    return " ".join(said)


def _energy(run: RunFacts) -> str:
    if not run.seconds:
        return "Neither time nor energy of its training are recorded here."
    devices = run.started.get("devices", "devices that are not recorded")
    return (
        f"Its training took {run.seconds / 3600:.3g} hours, {run.steps:,} steps, on {devices}. What it "
        "started from is not counted, and energy was not measured."
    )


def _licence(licence: str) -> str:
    if licence:
        return f"The weights: {licence}. The code that made them: Apache-2.0."
    return (
        "The code that made the weights: Apache-2.0. For the weights no licence was stated (`--licence`): "
        "ask their publisher, and mind the terms of their training data."
    )


def _example(card: Card, opened: str, imports: str) -> str:
    """A few lines of Python that use the export."""
    lines = [imports, "import tensorflow as tf", "", f"module = {opened}"]
    calls = {
        "embed_video": "module.embed_video(frames)  # uint8 [B, T, H, W, 3]",
        "embed_audio": "module.embed_audio(samples)  # float32 [B, S]",
        "embed_text": 'module.embed_text(tf.constant(["a sentence"]))',
        "similarity": 'module.similarity(text["video_text"], video["video_text"])["cosine"]',
    }
    names = {name for name, *_ in card.signatures}
    for name, given, _ in card.signatures:
        if name == "tokenize" or name == "similarity" and not {"embed_video", "embed_text"} <= names:
            continue
        ((argument, kind),) = re.findall(r"^`(\w+)` ([^:]+)", given)
        variable = "cosine" if name == "similarity" else name.partition("_")[2]
        lines.append(f"{variable} = {calls.get(name, f'module.{name}({argument})  # {kind}')}")
    return "\n".join(lines)


def _signatures_table(card: Card) -> str:
    """The signatures as a Markdown table."""
    rows = [f"| `{name}` | {given} | {outputs} |" for name, given, outputs in card.signatures]
    unit = "" if card.is_classifier else "\n\nEvery embedding has length 1."
    return "\n".join(["| signature | input | outputs |", "|---|---|---|", *rows]) + unit


def _figures_table(run: RunFacts) -> str:
    """The metrics of these weights as a Markdown table, with chance where it is defined."""
    rows = []
    for evaluation in run.evaluations.values():
        metrics, data = evaluation["metrics"], evaluation["protocol"].get("data", {})
        where = f"{data.get('dataset', 'not known')}, {data.get('split', 'split not known')}"
        compared = {key for key in metrics if _chance(key) in metrics}
        for key, value in metrics.items():
            is_chance = key.rpartition("/")[2].startswith("chance_")
            if is_chance or (compared and key not in compared) or "/exact_clip/" in key:
                continue
            chance = metrics.get(_chance(key))
            shown = "" if chance is None else f"{chance:.4g}"
            rows.append(
                f"| `{key}` | {'not a number' if value is None else f'{value:.4g}'} | {shown} | {where} |"
            )
    if not rows:
        return "Nothing was measured on these weights."
    precisions = {each["protocol"].get("precision", "not known") for each in run.evaluations.values()}
    note = f"\n\nMeasured by the trainer's evaluators, computing in {', '.join(sorted(precisions))}."
    return "\n".join(["| figure | value | chance | data |", "|---|---|---|---|", *rows]) + note


def _training(run: RunFacts) -> str:
    if not run.started:
        return "How it was trained is not recorded here."
    version = run.started.get("vatt", "(version not recorded)")
    said = [f"With vatt {version}:", "", "```", run.started.get("command", ""), "```"]
    if run.config:
        said += ["", "`config.gin` repeats that run."]
    return "\n".join(said)


def _protocols(run: RunFacts) -> str:
    """How each evaluation was made."""
    said = []
    for name, evaluation in run.evaluations.items():
        protocol = json.dumps(evaluation["protocol"], indent=1, ensure_ascii=False)
        said += [f"Protocol card of `{name}`:", "", "```json", protocol, "```", ""]
    return "\n".join(said).strip() or "There is no protocol card."


def _chance(key: str) -> str:
    head, _, leaf = key.rpartition("/")
    return f"{head}/chance_{leaf}"


def _data(card: Card) -> str:
    said = []
    if card.run.identity:
        facts = "; ".join(f"{name} {value}" for name, value in card.run.identity.items())
        said.append(f"Training data of the run: {facts}.")
    if card.run.datasets:
        said.append(f"Measured on: {', '.join(card.run.datasets)}.")
    trained = card.trained
    if trained.tokenizer is not None and not card.is_classifier:
        said.append(f"Sentences are read with a list of {trained.tokenizer.size} words.")
    if trained.label_names:
        said.append(f"Classes, in order: {', '.join(trained.label_names)}.")
    if card.is_classifier:
        kind = "a sigmoid each: a clip may have several" if card.several_labels else "a softmax over all"
        said.append(f"`scores` are {kind}.")
    if not card.run.config:
        said.append("The run that trained it is not recorded here.")
    return " ".join(said)


def _formats_table(card: Card) -> str:
    rows = []
    for name, gap in card.formats.items():
        checked = "not compared by numbers" if gap is None else f"{gap:.2g}"
        rows.append(f"| `{name}` | {_FORMATS.get(name.partition('/')[0], '')} | {checked} |")
    heads = ["| | what | largest difference from the golden embeddings |", "|---|---|---|"]
    return "\n".join([*heads, *rows])


_FORMATS = {
    "saved_model": "SavedModel with the signatures above, for TensorFlow, TensorFlow Serving and Keras",
    "hub": "the same, packed for TF Hub and Kaggle Models, with its page",
    "model.keras": "for `vatt.load` and Keras",
    "safetensors": "weights for any framework, with the configuration",
    "litert": "encoder of one clip for LiteRT",
    "onnx": "encoder of raw media of any size and length, or of word ids, for ONNX (opset 18)",
    "onnx_half": "the same with weights in float16, half of the size; products in float32",
    "onnx_int8": "the same with weights and products in int8, a third of the size",
}
