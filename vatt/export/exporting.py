"""Writes an export: every format asked for, checked against golden embeddings, with its card; whole or not at
all.
"""

import contextlib
import errno
import functools
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import safetensors
import tensorflow as tf

from vatt.convert import keras_file, safetensors_model
from vatt.data.description import describe_inputs
from vatt.embed.loading import Trained, open_trained
from vatt.embed.media_encoder import MediaEncoder
from vatt.evals.protocol_card import weights_fingerprint
from vatt.export import hub, litert, onnx, saved_model
from vatt.export.asked import (
    DEFAULT_FORMATS,
    FORMATS,
    HUB,
    KERAS,
    LITERT,
    ONNX,
    SAFETENSORS,
    SAVED_MODEL,
    Naming,
)
from vatt.export.card import Card, model_card
from vatt.export.errors import ExportError
from vatt.export.golden import golden_hash, golden_inputs, golden_outputs, require_equal, save_golden
from vatt.export.onnx_smaller import SMALLER, write_smaller_encoders
from vatt.export.run_facts import read_run_facts
from vatt.files.whole_file import whole_folder
from vatt.layers.configured import remade
from vatt.models.classifier import SPECTROGRAM, Classifier
from vatt.models.loading import load_model
from vatt.models.vatt import VATT
from vatt.spec import AUDIO, TEXT, ClipSpec

_log = logging.getLogger(__name__)


def export_model(
    trained: Trained,
    output: str | Path,
    *,
    formats: Sequence[str] = DEFAULT_FORMATS,
    modalities: Sequence[str] | None = None,
    naming: Naming | None = None,
    several_labels: bool | None = None,
) -> Card:
    """Writes the directory `output`, which must not be there yet.

    Args:
        formats: of `FORMATS`. "hub" packs the SavedModel.
        modalities: input modalities of an embedder; None: all that it was trained on.
        several_labels: of a classifier, see `ExportedClassifier`; None: as in its evaluation, and without
            one True for audio only (paper A.3).

    Returns:
        The card.

    Raises:
        ExportError: the model can not be exported like this, something is at `output` already, it can not be
            written, or a format gives other numbers than the model.
    """
    output = Path(output).expanduser()
    formats = _checked_formats(formats)
    modalities = _checked_modalities(trained, modalities)
    naming = naming or Naming()
    _check_name(naming)
    facts = read_run_facts(trained.source, weights_fingerprint(trained.model))
    if several_labels is None:
        several_labels = facts.kinds == {"multi"} if facts.kinds else modalities == (AUDIO,)
    if isinstance(trained.model, Classifier) and trained.model.views > 1:
        trained = _without_views(trained)
    inputs = golden_inputs(trained, modalities)
    encoder = MediaEncoder(trained.model, trained.known_clip)
    outputs = golden_outputs(trained, inputs, encoder)
    with _all_or_nothing(output) as folder:
        writer = _Writer(folder, trained, encoder, modalities, inputs, outputs, several_labels)
        checked = {}
        for kind in formats:
            if kind != HUB:
                checked |= writer.write(kind)
        card = Card(
            naming=naming,
            trained=trained,
            run=facts,
            signatures=saved_model.signature_table(trained, modalities),
            golden_hash=golden_hash(outputs),
            formats=checked | ({f"hub/{naming.name}.tar.gz": None} if HUB in formats else {}),
            several_labels=several_labels,
        )
        if HUB in formats:
            hub.write_module(folder / hub.FOLDER, folder / saved_model.FOLDER, card)
        save_golden(folder / "golden.npz", inputs, outputs)
        if facts.config:
            (folder / "config.gin").write_text(facts.config, encoding="utf-8")
        (folder / "README.md").write_text(model_card(card), encoding="utf-8")
        text = json.dumps(card.facts(), indent=1, ensure_ascii=False)
        (folder / "model_card.json").write_text(text, encoding="utf-8")
    return card


class _Writer:
    """Writes one format after the other; each is read again and compared."""

    def __init__(self, folder, trained, encoder, modalities, inputs, outputs, several_labels):
        self._folder, self._trained, self._encoder, self._modalities = folder, trained, encoder, modalities
        self._inputs, self._outputs, self._several_labels = inputs, outputs, several_labels
        self._input_facts = describe_inputs(trained.known_clip, trained.tokenizer, trained.label_names)

    def write(self, kind) -> dict[str, float]:
        """File or folder -> its largest difference from the golden embeddings."""
        _log.info("Writing %s.", kind)
        return {
            SAVED_MODEL: self._saved_model,
            KERAS: self._keras,
            SAFETENSORS: self._safetensors,
            LITERT: self._litert,
            ONNX: self._onnx,
            **{each: functools.partial(self._smaller, each) for each in SMALLER},
        }[kind]()

    def _saved_model(self):
        folder = self._folder / saved_model.FOLDER
        saved_model.write_saved_model(folder, self._trained, self._modalities, self._several_labels)
        saved_model.add_golden(folder, self._inputs, self._outputs)
        self._describe(folder / "assets.extra")
        found = saved_model.saved_model_differences(folder, self._inputs, self._outputs)
        require_equal(found, "the SavedModel")
        return {saved_model.FOLDER: max(found.values())}

    def _keras(self):
        path = self._folder / "model.keras"
        self._trained.model.save(path)
        keras_file.add_input_facts(path, self._input_facts)
        return {path.name: self._same_weights(load_model(path), "the .keras file")}

    def _safetensors(self):
        folder = self._folder / "safetensors"
        safetensors_model.write_model(folder, self._trained.model, self._input_facts)
        return {folder.name: self._same_weights(safetensors_model.read_model(folder), "the safetensors")}

    def _litert(self):
        found = litert.write_encoders(
            self._folder / litert.FOLDER, self._trained, self._encoder, self._modalities, self._inputs
        )
        require_equal(found, "a LiteRT encoder")
        return {f"{litert.FOLDER}/{name}": gap for name, gap in found.items()}

    def _onnx(self):
        folder = self._folder / onnx.FOLDER
        found = onnx.write_encoders(
            folder, self._trained, self._modalities, self._inputs, self._outputs, self._several_labels
        )
        require_equal(found, "an ONNX encoder")
        self._describe(folder)
        return {f"{onnx.FOLDER}/{name}": gap for name, gap in found.items()}

    def _smaller(self, kind):
        folder = self._folder / kind
        given = {each: onnx.given_to(each, self._trained, self._inputs) for each in self._modalities}
        found = write_smaller_encoders(folder, self._folder / onnx.FOLDER, self._outputs, given)
        require_equal(found, f"an encoder of {kind}", SMALLER[kind][1])
        self._describe(folder)
        return {f"{kind}/{name}": gap for name, gap in found.items()}

    def _same_weights(self, model, what) -> float:
        """0.0, what equal weights make of equal inputs; raises where the model read again has others."""
        if weights_fingerprint(model) != weights_fingerprint(self._trained.model):
            raise ExportError(f"An export must hold the model's weights. Received: {what} with others.")
        return 0.0

    def _describe(self, folder):
        text = json.dumps(self._input_facts, indent=1, ensure_ascii=False)
        (folder / "inputs.json").write_text(text, encoding="utf-8")
        if self._trained.label_names:
            lines = "".join(f"{name}\n" for name in self._trained.label_names)
            (folder / "labels.txt").write_text(lines, encoding="utf-8")


def require_free(output: str | Path) -> None:
    """Raises where something is at the place of an export already."""
    output = Path(output).expanduser()
    if os.path.lexists(output):
        kind = "a directory" if output.is_dir() else "a file"
        raise ExportError(f"The place of an export must be free. Received: {output}, {kind}. Name another.")


@contextlib.contextmanager
def _all_or_nothing(output: Path):
    """A folder next to `output` that gets its name at the end, or is gone."""
    require_free(output)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with whole_folder(output) as folder:
            yield folder
            _let_others_read(folder)
    except (OSError, tf.errors.OpError, safetensors.SafetensorError) as error:
        raise _unwritable(output, error) from error


def _let_others_read(folder: Path) -> None:
    """As files that anything else writes: some of the libraries keep theirs to the user."""
    mask = os.umask(0)
    os.umask(mask)
    for path in (folder, *folder.rglob("*")):
        path.chmod((0o777 if path.is_dir() else 0o666) & ~mask)


def _unwritable(output, error) -> ExportError:
    full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    reason = "the disk is full" if full else getattr(error, "strerror", None) or str(error).splitlines()[0]
    return ExportError(
        f"{output} could not be written: {reason.rstrip('.')}. Nothing was left behind; make room (see `df`) "
        "or name another place."
    )


def _without_views(trained: Trained) -> Trained:
    """The classifier judging each row by itself: an export averages windows, not rows of a batch."""
    model = remade(trained.model, views=1)
    for variable, value in zip(model.weights, trained.model.weights, strict=True):
        variable.assign(value)
    return Trained(
        model=model,
        clip=trained.known_clip,
        tokenizer=trained.tokenizer,
        label_names=trained.label_names,
        source=trained.source,
    )


def _checked_formats(formats) -> tuple[str, ...]:
    unknown = [each for each in formats if each not in FORMATS]
    if unknown or not formats:
        raise ExportError(f"`formats` must be one or more of {FORMATS}. Received: {tuple(formats)}.")
    if HUB in formats and SAVED_MODEL not in formats:
        raise ExportError(f"'hub' packs the SavedModel. Received: {tuple(formats)}. Add 'saved_model'.")
    for each in SMALLER:
        if each in formats and ONNX not in formats:
            raise ExportError(
                f"{each!r} is made of the ONNX encoders. Received: {tuple(formats)}. Add 'onnx'."
            )
    return tuple(each for each in FORMATS if each in formats)


def _checked_modalities(trained: Trained, modalities) -> tuple[str, ...]:
    model = trained.model
    if not isinstance(model, VATT | Classifier) or (isinstance(model, VATT) and model.spaces is None):
        raise ExportError(
            f"An export must be of a model with common spaces or classes. Received: {type(model).__name__} "
            f"of {trained.source}. Fine-tune it first; `vatt convert` writes its weights."
        )
    if trained.clip is None:
        raise ExportError(
            f"An export takes raw media, so its clips must be known. Received: {trained.source}, which does "
            "not state it. Set `clip` of the job `export`, as experiments/export_released.gin does."
        )
    if isinstance(model, Classifier):
        if model.modality == SPECTROGRAM:
            raise ExportError(
                "A classifier must take raw media. Received: one of spectrograms that were made elsewhere. "
                "Train it with `SpectrogramTokenizer.log_mel = @LogMel()`, which takes the waveform."
            )
        if modalities is not None and tuple(modalities) != (model.modality,):
            raise ExportError(
                f"A classifier takes the modality that it was trained on. Received: "
                f"modalities={tuple(modalities)} "
                f"for {model.modality!r}. Leave them out."
            )
        return (model.modality,)
    trained_with = trained.known_clip.modalities
    wanted = trained_with if modalities is None else tuple(modalities)
    unknown = [each for each in wanted if each not in trained_with]
    if unknown or not wanted:
        raise ExportError(
            f"`modalities` must be of those that the model was trained on, {trained_with}. Received: "
            f"{wanted}."
        )
    if TEXT in wanted and (trained.tokenizer is None or trained.tokenizer.resources is None):
        which = "none" if trained.tokenizer is None else type(trained.tokenizer).__name__
        raise ExportError(
            "Sentences are read by a plain word list, which runs in any TensorFlow. Received: the tokenizer "
            f"{which} of {trained.source}. Give `--vocabulary_file`, or leave text out: `--modalities video "
            "audio`."
        )
    return tuple(each for each in trained_with if each in wanted)


def _check_name(naming: Naming) -> None:
    fine = all(
        part and all(c.isalnum() or c in "-_." for c in part) for part in (naming.name, naming.publisher)
    )
    if not fine or naming.name.startswith(".") or naming.version < 1:
        raise ExportError(
            "A name and a publisher must be words of letters, digits, '-', '_' and '.', and a version 1 or "
            f"more. Received: {naming.publisher}/{naming.name}/{naming.version}."
        )


def export_path(
    path: str | Path,
    output: str | Path,
    *,
    vocabulary_file: str | Path | None = None,
    clip: ClipSpec | None = None,
    **options: Any,
) -> Card:
    """Opens a model as `vatt.load` does and writes its export.

    Args:
        vocabulary_file, clip: see `vatt.embed.loading.load`.
        options: as in `export_model`.

    Returns:
        The card.

    Raises:
        ExportError: see `export_model`.
    """
    require_free(output)
    trained = open_trained(path, clip=clip, vocabulary_file=vocabulary_file)
    return export_model(trained, output, **options)
