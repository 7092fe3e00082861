"""The cost of one clip, modality by modality, from a built model and a `ClipSpec`: from shapes alone."""

import dataclasses
import math
from typing import Any

from vatt.layers.pixels import ColourJitter
from vatt.models.classifier import Classifier
from vatt.models.conv_tower import ConvTower
from vatt.models.tokenizer_for import read_sizes, signal_sizes
from vatt.plan.conv_nets import ConvStream
from vatt.plan.count import Count, dense, elements, product
from vatt.plan.layers import (
    encoder_costs,
    projection_costs,
    signal_tokenizer_costs,
    word_tokenizer_costs,
)
from vatt.spec import AUDIO, TEXT, VIDEO, ClipSpec

AGGREGATE = 1  # the token in front
COLOURS = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stream:
    """One tower of a model and what a clip sends through it."""

    name: str  # of the modality
    tower: Any  # `Tower`
    rows: int  # sequences per clip: the captions of a clip, or 1
    tokens: int  # of a sequence, all of them, without AGG
    kept: int  # of these, those that DropToken keeps in training
    sizes: tuple[int, ...] = ()  # of the signal that the tokenizer takes; () for text

    @property
    def recompute(self) -> bool:
        """Whether blocks are computed again in the backward pass."""
        return self.tower.encoder.size.recompute

    def length(self, *, training: bool) -> int:
        """Of the sequence that the encoder sees."""
        aggregate = AGGREGATE if self.tower.tokenizer.aggregates else 0
        return aggregate + (self.kept if training else self.tokens)

    def front(self, *, training: bool) -> bool:
        """Whether AGG's output alone is made of the last block: in training losses read no other."""
        return training and self.tower.tokenizer.aggregates

    def costs(self, *, training: bool) -> tuple[Count, Count]:
        """Of a clip, and once for all clips of a batch."""
        tokenizer, encoder = self.tower.tokenizer, self.tower.encoder
        if self.sizes:
            row, once = signal_tokenizer_costs(tokenizer, self.sizes, self.kept if training else self.tokens)
        else:
            row, once = word_tokenizer_costs(tokenizer, encoder.size.width, self.tokens)
        length = self.length(training=training)
        front = self.front(training=training)
        more, more_once = encoder_costs(encoder, length, padding=not self.sizes, front=front)
        row += more + projection_costs(self.tower, AGGREGATE if front else length)
        return self.rows * row, once + more_once


def streams_of(model: Any, clip: ClipSpec, drop_rate: float | None = None) -> list[Stream | ConvStream]:
    """The towers that clips of this size go through; `drop_rate` None is the model's own."""
    classifies = isinstance(model, Classifier)
    return [
        _stream(tower, modality, getattr(model, "modality", modality), clip, drop_rate)
        for modality, tower in model.towers.items()
        if classifies or len(model.towers) == 1 or modality in clip.modalities
    ]


def _stream(tower, modality, kind, clip, drop_rate) -> Stream | ConvStream:
    """`kind`: what the tower is given, such as an image."""
    if isinstance(tower, ConvTower):
        sizes = signal_sizes(modality=kind, clip=clip) if kind != TEXT else clip.sizes(TEXT)
        if sizes is None:
            raise ValueError(
                "A plan needs the size of what a ConvNet is given, which is not known of spectrograms made "
                "elsewhere. Received: modality='spectrogram'. Give the tower `LogMel`, and plan for audio."
            )
        rows = clip.candidates if kind == TEXT else 1
        return ConvStream(name=modality, tower=tower, rows=rows, sizes=sizes)
    if modality == TEXT:
        return Stream(name=TEXT, tower=tower, rows=clip.candidates, tokens=clip.words, kept=clip.words)
    tokenizer = tower.tokenizer
    sizes = read_sizes(kind, signal_sizes(modality=kind, clip=clip) or tokenizer.sizes, tokenizer.patch)
    tokens = math.prod(tokenizer.grid_of(sizes))
    kept = tokenizer.kept_of(tokens, drop_rate)
    return Stream(name=modality, tower=tower, rows=1, tokens=tokens, kept=kept, sizes=sizes)


def head_costs(model: Any, clip: ClipSpec) -> tuple[Count, Count]:
    """What follows the towers, of a clip and once for all clips of a batch."""
    if isinstance(model, Classifier):
        return dense(1, model.tower.width, model.classes, use_bias=True), Count()
    if model.spaces is None:
        return Count(), Count()
    spaces, row, once = model.spaces, Count(), Count()
    widths = {
        modality: tower.width for modality, tower in model.towers.items() if modality in clip.modalities
    }
    common, text_common = spaces.video_audio_width, spaces.video_text_width
    paper = spaces.form == "paper"

    def mapped(rows, inputs, outputs, *, use_bias=False, normalised=True, gradients=2):
        count = dense(rows, inputs, outputs, use_bias=use_bias, gradients=gradients)
        return count + elements(3 * rows * outputs if normalised else 0)

    if VIDEO in widths:
        row += mapped(1, widths[VIDEO], common) + mapped(1, common, common)
        row += mapped(1, common, text_common)
        once += elements(3 * (2 * common + text_common))
    if AUDIO in widths:
        row += mapped(1, widths[AUDIO], common, use_bias=not paper, normalised=paper)
        row += mapped(1, common, text_common, gradients=0)  # for searches; no loss reads it
        once += elements(3 * (text_common + (common if paper else 0)))
    if TEXT in widths:
        row += mapped(clip.candidates, widths[TEXT], text_common, use_bias=not paper, normalised=paper)
        once += elements(3 * text_common if paper else 0)
    return row, once


def pixel_costs(device_inputs: Any, clip: ClipSpec, *, training: bool) -> Count:
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


def clip_costs(model: Any, clip: ClipSpec, *, training: bool) -> dict[str, tuple[Count, Count]]:
    """Of a clip and once for all clips of a batch, by modality, and of the "heads"."""
    costs = {stream.name: stream.costs(training=training) for stream in streams_of(model, clip)}
    return {**costs, "heads": head_costs(model, clip)}


def total(costs: dict[str, tuple[Count, Count]], rows: int = 1) -> Count:
    """Of a batch of this number of clips."""
    return sum((rows * row + once for row, once in costs.values()), Count())
