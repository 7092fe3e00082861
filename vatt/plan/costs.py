"""The cost of one clip, modality by modality, from a built model and a `ClipSpec`: from shapes alone."""

import dataclasses
import math

from vatt.layers.drop_token import tokens_kept
from vatt.layers.pixels import ColourJitter
from vatt.models.classifier import Classifier
from vatt.models.parts import signal_kind, signal_sizes
from vatt.models.unimodal import Unimodal
from vatt.plan.count import Count, dense, elements, product
from vatt.plan.layers import (
    encoder_costs,
    patch_embedder_costs,
    projection_costs,
    spectrogram_costs,
    word_embedder_costs,
)
from vatt.spec import AUDIO, MODALITIES, TEXT, VIDEO, ClipSpec

AGGREGATE = 1  # the token in front
COLOURS = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stream:
    """One backbone of a model and what a clip sends through it.

    Args:
        name: of the modality.
        backbone: `Backbone`.
        rows: sequences per clip: the captions of a clip, or 1.
        tokens: of a sequence, all of them, without AGG.
        kept: of these, those that DropToken keeps in training.
        sizes: of the signal along the axes of its patches; () for text.
        spectrogram: `LogMel` in front of it, or None.
        samples: of the waveform that goes into `spectrogram`.
    """

    name: str
    backbone: object
    rows: int
    tokens: int
    kept: int
    sizes: tuple[int, ...] = ()
    spectrogram: object = None
    samples: int = 0

    def length(self, *, training: bool) -> int:
        """Of the sequence that the encoder sees."""
        aggregate = AGGREGATE if getattr(self.backbone.embedder, "aggregate", None) else 0
        return aggregate + (self.kept if training else self.tokens)

    def costs(self, *, training: bool) -> tuple[Count, Count]:
        """Of a clip, and once for all clips of a batch."""
        embedder = self.backbone.embedder
        if self.sizes:
            row, once = patch_embedder_costs(embedder, self.sizes, self.kept if training else self.tokens)
        else:
            row, once = word_embedder_costs(embedder, self.tokens)
        length = self.length(training=training)
        more, more_once = encoder_costs(self.backbone.encoder, length, padding=not self.sizes)
        row += more + projection_costs(self.backbone, length)
        if self.spectrogram is not None:
            row += spectrogram_costs(self.spectrogram, self.samples)
        return self.rows * row, once + more_once


def streams_of(model, clip: ClipSpec, drop_token_rate: float | None = None) -> list[Stream]:
    """The backbones that clips of this size go through; `drop_token_rate` None is the model's own."""
    if isinstance(model, Classifier | Unimodal):
        backbones = {model.modality: model.backbone}
    else:
        backbones = {name: getattr(model, name) for name in MODALITIES if name in clip.modalities}
    return [_stream(model, backbone, name, clip, drop_token_rate) for name, backbone in backbones.items()]


def _stream(model, backbone, modality, clip, drop_token_rate) -> Stream:
    if modality == TEXT:
        return Stream(name=TEXT, backbone=backbone, rows=clip.candidates, tokens=clip.words, kept=clip.words)
    embedder = backbone.embedder
    spectrogram = getattr(model, "spectrogram", None) if modality == AUDIO else None
    sizes = signal_sizes(signal_kind(modality, spectrogram), embedder.patch, clip, spectrogram)
    tokens = math.prod(embedder.patches.grid(sizes))
    return Stream(
        name=modality,
        backbone=backbone,
        rows=1,
        tokens=tokens,
        kept=tokens_kept(tokens, embedder.drop_token_rate if drop_token_rate is None else drop_token_rate),
        sizes=sizes,
        spectrogram=spectrogram,
        samples=clip.samples,
    )


def head_costs(model, clip: ClipSpec) -> tuple[Count, Count]:
    """What follows the backbones, of a clip and once for all clips of a batch."""
    if isinstance(model, Classifier):
        return dense(1, model.backbone.width, model.classes, use_bias=True), Count()
    if isinstance(model, Unimodal):
        return Count(), Count()
    spaces, row, once = model.spaces, Count(), Count()
    common, text_common = spaces.video_audio_width, spaces.video_text_width
    paper = spaces.form == "paper"

    def mapped(rows, inputs, outputs, *, use_bias=False, normalised=True, gradients=2):
        count = dense(rows, inputs, outputs, use_bias=use_bias, gradients=gradients)
        return count + elements(3 * rows * outputs if normalised else 0)

    if VIDEO in clip.modalities:
        row += mapped(1, spaces.video_width, common) + mapped(1, common, common)
        row += mapped(1, common, text_common)
        once += elements(3 * (2 * common + text_common))
    if AUDIO in clip.modalities:
        row += mapped(1, spaces.audio_width, common, use_bias=not paper, normalised=paper)
        row += mapped(1, common, text_common, gradients=0)  # for searches; no loss reads it
        once += elements(3 * (text_common + (common if paper else 0)))
    if TEXT in clip.modalities:
        row += mapped(clip.candidates, spaces.text_width, text_common, use_bias=not paper, normalised=paper)
        once += elements(3 * text_common if paper else 0)
    return row, once


def pixel_costs(device_inputs, clip: ClipSpec, *, training: bool) -> Count:
    """What `DeviceInputs` does to the pixels of a clip."""
    if VIDEO not in clip.modalities:
        return Count()
    pixels = clip.frames * clip.frame_size**2
    colour = getattr(device_inputs, "colour", None)
    if not training or not isinstance(colour, ColourJitter):
        return elements(2 * COLOURS * pixels)
    count = product(1, pixels, COLOURS, gradients=0) + product(pixels, COLOURS, COLOURS, gradients=0)
    # Two products of 3 × 3 make the matrix, one more the offset.
    count += 2 * product(COLOURS, COLOURS, COLOURS, gradients=0) + product(COLOURS, COLOURS, 1, gradients=0)
    return count + elements(3 * COLOURS * pixels)


def clip_costs(model, clip: ClipSpec, *, training: bool) -> dict[str, tuple[Count, Count]]:
    """Of a clip and once for all clips of a batch, by modality, and of the "heads"."""
    costs = {stream.name: stream.costs(training=training) for stream in streams_of(model, clip)}
    return {**costs, "heads": head_costs(model, clip)}


def total(costs: dict[str, tuple[Count, Count]], rows: int = 1) -> Count:
    """Of a batch of so many clips."""
    return sum((rows * row + once for row, once in costs.values()), Count())
