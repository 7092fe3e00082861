"""Inputs of a released checkpoint, which does not describe them: its clip is the one that fills its position
tables at the paper's rates; its words and classes are those of accompanying files.
"""

import dataclasses
import logging
from pathlib import Path
from typing import Any

from vatt.convert.report import ConversionError
from vatt.data.description import describe_inputs
from vatt.models.classifier import Classifier
from vatt.models.tower import Tower
from vatt.spec import AUDIO, TEXT, VIDEO, ClipSpec

_log = logging.getLogger(__name__)

_PRETRAINING = ClipSpec()  # A.2.1
# A.2.5: every second of 25 frames; A.3: 6.4 s of audio, which fill the same 1,200 patches at half the rate.
_FINE_TUNING = ClipSpec(frame_rate_hz=12.5, sample_rate_hz=24_000)


def clip_of_tables(model: Any) -> ClipSpec | None:
    """The clip that fills a released model's tables; None if it is a model of spectrograms or images."""
    if getattr(model, "modality", None) not in (None, VIDEO, AUDIO):
        return None
    clip = _PRETRAINING
    if isinstance(model, Classifier):
        clip = dataclasses.replace(_FINE_TUNING, modalities=(model.modality,))
    for modality, tower in model.towers.items():
        if isinstance(tower, Tower):  # a ConvNet takes clips of any size, and has been shown the paper's
            clip = _fitted(clip, modality, tower.tokenizer)
    return clip


def released_inputs(
    model: Any, *, vocabulary_file: str | Path | None = None, label_file: str | Path | None = None
) -> dict | None:
    """The facts of `vatt.data.description` on a model of the release; None where its clip is not known.

    Args:
        model: `VATT` or `Classifier`, as converted.
        vocabulary_file: its word list, see `Vocabulary`; None leaves it without sentences.
        label_file: names of its classes, one a line, in their order; None leaves them numbers.
    """
    clip = clip_of_tables(model)
    if clip is None:
        return None
    rows = model.towers[TEXT].vocabulary_size if TEXT in model.towers else None
    tokenizer = None
    if vocabulary_file is not None:
        if rows is None:
            raise ConversionError(
                f"A word list is for models of sentences. Received: {vocabulary_file} for a "
                f"{type(model).__name__}. Leave it out."
            )
        from vatt.data.vocabulary import Vocabulary  # imports TensorFlow

        tokenizer = Vocabulary(path=vocabulary_file, release=True)
        if tokenizer.size > rows:
            raise ConversionError(
                f"The model must have a row for every word. Received: {tokenizer.size} words of "
                f"{vocabulary_file}, for a table of {rows}. Give the word list that it was trained with."
            )
    names = _labels(label_file, getattr(model, "classes", 0)) if label_file is not None else ()
    return describe_inputs(clip, tokenizer, names)


def described(facts: dict[str, Any] | None) -> str:
    """The facts in a line, for people."""
    if facts is None:
        return "what it takes is not known: give `clip` to vatt.load"
    clip, words, labels = facts["clip"], facts["tokenizer"], facts["label_names"]
    parts = {
        VIDEO: f"{clip['frames']} × {clip['frame_size']}² pixels at {clip['frame_rate_hz']:g} Hz",
        AUDIO: f"{ClipSpec(**clip).audio_span_seconds:g} s of audio at {clip['sample_rate_hz']:,} Hz",
        TEXT: f"sentences of {len(words['words']):,} words"
        if words
        else "no sentences before it has its words (--vocabulary_file)",
    }
    takes = "; ".join(text for modality, text in parts.items() if modality in clip["modalities"])
    return f"takes {takes}" + (f"; {len(labels)} classes by name" if labels else "")


def _fitted(clip: ClipSpec, modality: str, tokenizer) -> ClipSpec:
    """`clip` with the sizes for which a tokenizer has positions."""
    if modality == VIDEO:
        frames, rows, columns = tokenizer.sizes
        if columns != rows:
            _log.warning(
                "The positions are those of %s × %s pixels; clips are square, so that they are "
                "interpolated for %s². Another size: `vatt.load(PATH, clip=…)`.",
                rows,
                columns,
                rows,
            )
        return dataclasses.replace(clip, frames=frames, frame_size=rows)
    if modality == AUDIO:
        return dataclasses.replace(clip, audio_seconds=tokenizer.sizes[0] / clip.sample_rate_hz)
    # The modality-agnostic model has positions for this number of words.
    return clip if tokenizer.positions is None else dataclasses.replace(clip, words=tokenizer.sizes[0])


def _labels(path, classes: int) -> tuple[str, ...]:
    names = tuple(Path(path).read_text(encoding="utf-8").removesuffix("\n").split("\n"))
    if len(names) != classes:
        raise ConversionError(
            f"A list of labels must have a line for each class. Received: {len(names)} lines of {path}, for "
            f"{classes or 'no'} classes."
        )
    return names
