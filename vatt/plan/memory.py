"""Memory of a training step on one device: what is always there, and the peak that a step adds.

The backward pass of a layer needs some of what its forward pass made; which of it is read off what
TensorFlow's gradients take. A step needs the most where the backward pass begins: there, what all blocks keep
and temporary buffers of one block are live at the same time.
"""

import dataclasses
import math
from typing import Any

from vatt.layers.attend import BLOCK_ENTRIES
from vatt.layers.attention import LONG
from vatt.plan.conv_nets import ConvStream
from vatt.plan.costs import Stream

FLOAT32, HALF = 4, 2  # bytes of a number

# Copies of the hidden features that the gradient of an activation takes, by the names of `ACTIVATIONS`; of
# ReLU it is the result, which the next map takes too.
_OF_ACTIVATIONS = {"gelu": 1, "relu": 1, "gated_gelu": 6}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Way:
    """How a step computes, as far as memory depends on it."""

    precision: str = "float32"  # the dtype policy
    recompute: bool = False  # whether blocks are computed again in the backward pass
    cached_rows: int | None = None  # `Cached.rows`; None without cached features
    parts: int = 1  # `Accumulated.parts`; 1 for the whole batch

    @property
    def width(self) -> int:
        """Bytes of a number that layers compute with."""
        return FLOAT32 if self.precision == "float32" else HALF

    def rows_at_once(self, rows: int) -> int:
        """Of a device's rows, those whose activations are live at the same time."""
        return min(rows, self.cached_rows) if self.cached_rows else max(1, rows // self.parts)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepMemory:
    """Bytes on one device."""

    weights: int  # of the model, trained or not
    optimizer: int  # what the optimizer keeps of them, and their average
    batch: int  # the rows of this device, as they come
    halves: int  # weights in 16 bits
    kept: int  # activations between their forward and backward pass
    working: int  # peak of temporary buffers of a block, of the tower that has the most
    pixels: int  # of the signals as numbers, before there are patches
    signals: int  # of these, what is there with all else, where rows come in parts
    loss: int  # what the loss keeps, similarities above all
    gradients: int  # of all weights
    sums: (
        int  # where rows come in parts, gradients of the parts before, which wait until the last one is done
    )

    @property
    def resident(self) -> int:
        """There all the time."""
        return self.weights + self.optimizer + self.batch

    @property
    def step(self) -> int:
        """The most that a step adds: where the backward pass begins, or where it ends, with all gradients."""
        begins = self.kept + self.working + self.signals + self.loss
        return self.halves + self.sums + max(begins, self.pixels, self.gradients + self.working)

    @property
    def peak(self) -> int:
        """All together."""
        return self.resident + self.step


def block_kept(block: Any, length: int, width: int, *, front: bool = False) -> int:
    """Bytes that a `Block` keeps of a sequence.

    Args:
        length: of the sequence.
        width: bytes of a number.
        front: whether the output of the first token alone is made, see `encoder_costs`.
    """
    size, made = block.size, 1 if front else length
    features, inner = size.width, size.heads * size.head_width
    dropout = 1 if block.dropout_rate else 0
    norms = width * (length + made) * features  # what came in
    # Inputs of the maps; keys and values; queries and what they mix.
    linear = width * ((length + made) * features + 2 * (length + made) * inner)
    masks = dropout * made * (size.heads * length + size.hidden_width + 2 * features)  # a byte each
    network = width * made * size.hidden_width * _hidden_copies(block.form.activation, dropout)
    # As large as the scores: probabilities, and what dropout left; `attend` makes both again.
    again = length >= LONG and not front
    scores = 0 if again else width * size.heads * made * length * (1 + dropout)
    return norms + linear + scores + network + masks


def _hidden_copies(activation: str, dropout: int) -> int:
    """Of the hidden features: what the activation keeps; the result, or what dropout left of it."""
    after = 0 if activation == "relu" and not dropout else 1
    return _OF_ACTIVATIONS[activation] + after


def block_working(block: Any, length: int, width: int) -> int:
    """Bytes that the backward pass of a `Block` has in hand at its widest, of a sequence: of hidden features
    three gradients, as dropout's mask and the activation each make one of one; as many of the scores.
    """
    hidden, scores = length * block.size.hidden_width, block.size.heads * length**2
    if length >= LONG:  # a block of queries at a time
        scores = -(-scores // max(1, round(scores / BLOCK_ENTRIES)))
    return 3 * width * max(hidden, scores) + 2 * FLOAT32 * length * block.size.width


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreamMemory:
    """Bytes of one clip in one tower."""

    kept: int  # see `StepMemory`
    working: int
    again: int  # the most that one block keeps, where blocks are computed again; else 0


def stream_memory(stream: Stream | ConvStream, width: int, *, recompute: bool) -> StreamMemory:
    """Of what a clip sends through a tower in training.

    Args:
        width: bytes of a number.
        recompute: whether the blocks' inputs alone are kept, and one block at a time is computed again.
    """
    if isinstance(stream, ConvStream):
        kept, working = stream.memory(width)
        return StreamMemory(kept=kept, working=working, again=0)
    length, encoder = stream.length(training=True), stream.tower.encoder
    blocks = [block_kept(block, length, width) for block in encoder.blocks]
    if blocks and stream.front(training=True):
        blocks[-1] = block_kept(encoder.blocks[-1], length, width, front=True)
    working = max((block_working(block, length, width) for block in encoder.blocks), default=0)
    kept = _tokenizer_kept(stream, width) + _ends_kept(stream, length, width)
    if recompute:
        kept += width * length * encoder.size.width * encoder.size.depth
    else:
        kept += sum(blocks)
    return StreamMemory(
        kept=stream.rows * kept,
        working=stream.rows * working,
        again=stream.rows * max(blocks, default=0) if recompute else 0,
    )


def signal_bytes(stream: Stream | ConvStream, width: int) -> int:
    """A signal as numbers: as it came, scaled, and cut into patches."""
    if isinstance(stream, ConvStream):
        return stream.signal_bytes(width)
    if not stream.sizes:
        return 0
    tokenizer = stream.tower.tokenizer
    return 3 * width * tokenizer.channels * math.prod(tokenizer.patched_sizes(stream.sizes))


def _tokenizer_kept(stream: Stream, width: int) -> int:
    """Patches, and what the projection and dropout (a byte for each number) keep."""
    tokenizer, features, kept = stream.tower.tokenizer, stream.tower.encoder.size.width, 0
    if stream.sizes:
        kept += width * stream.kept * tokenizer.channels * math.prod(tokenizer.patch)
    if tokenizer.dropout_rate:
        kept += stream.kept * features
    if tokenizer.project is not None:
        kept += width * stream.kept * features * (_OF_ACTIVATIONS["gelu"] + 1)
    return kept


def _ends_kept(stream: Stream, length: int, width: int) -> int:
    """The final norm and the projection behind the encoder."""
    tower, kept = stream.tower, 0
    encoder = tower.encoder
    if stream.front(training=True):
        length = 1
    if encoder.final_norm is not None:
        kept += width * length * encoder.size.width
        kept += length * encoder.size.width if encoder.dropout_rate else 0
    if tower.projection is not None:
        kept += width * length * (encoder.size.width + 4 * tower.projection_width)
    return kept
