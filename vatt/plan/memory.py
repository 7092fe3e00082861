"""Memory of a training step on one device: what lies there all the time, and the most that a step adds.

The backward pass of a layer needs some of what its forward pass made; which of it is read off what
TensorFlow's gradients take. A step needs the most where the backward pass begins: there, what all blocks keep
and what one block has in hand lie side by side.
"""

import dataclasses
import math

from vatt.plan.costs import Stream

FLOAT32 = 4
HALF = 2

# Copies of the hidden features that the gradient of an activation takes, by the names of `ACTIVATIONS`; of
# ReLU it is the result, which the next map takes too.
_OF_ACTIVATIONS = {"gelu": 3, "relu": 1, "gated_gelu": 6}
_WASTE = 10  # the allocator's, as a share of one in so many of what is kept; see docs/plan.md


@dataclasses.dataclass(frozen=True, kw_only=True)
class Way:
    """How a step computes, as far as memory depends on it.

    Args:
        precision: the dtype policy.
        recompute: whether blocks are computed again in the backward pass.
        cached_chunk: `train.cached_chunk`.
        accumulate: `train.accumulate`.
    """

    precision: str = "float32"
    recompute: bool = False
    cached_chunk: int | None = None
    accumulate: int = 1

    @property
    def width(self) -> int:
        """Bytes of a number that layers compute with."""
        return FLOAT32 if self.precision == "float32" else HALF

    def rows_at_once(self, rows: int) -> int:
        """Of a device's rows, those whose activations lie side by side."""
        return min(rows, self.cached_chunk) if self.cached_chunk else max(1, rows // self.accumulate)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepMemory:
    """Bytes on one device.

    Args:
        weights: of the model, trained or not.
        optimizer: what the optimizer keeps of them, and their average.
        batch: the rows of this device, as they come.
        halves: weights in 16 bits.
        kept: activations between their forward and backward pass.
        draws: the numbers that dropout compares with its rate: nothing keeps TensorFlow from drawing for all
            blocks at once.
        working: the most that one block has in hand beside them.
        pixels: of the signals as numbers, before there are patches.
        loss: what the loss keeps, similarities above all.
        gradients: of all weights.
    """

    weights: int
    optimizer: int
    batch: int
    halves: int
    kept: int
    draws: int
    working: int
    pixels: int
    loss: int
    gradients: int

    @property
    def resident(self) -> int:
        """There all the time."""
        return self.weights + self.optimizer + self.batch

    @property
    def waste(self) -> int:
        """Of the allocator, which gives freed pieces of up to twice the size that is asked for."""
        return self.kept // _WASTE

    @property
    def step(self) -> int:
        """The most that a step adds: where the backward pass begins, or where it ends, with all gradients."""
        begins = self.kept + self.waste + self.draws + self.working + self.loss
        return self.halves + max(begins, self.pixels, self.gradients + self.working)

    @property
    def peak(self) -> int:
        """All together."""
        return self.resident + self.step


def block_kept(block, length: int, width: int) -> int:
    """Bytes that a `Block` keeps of a sequence.

    Args:
        length: of the sequence.
        width: bytes of a number.
    """
    features, inner = length * block.width, length * block.heads * block.head_width
    hidden, scores = length * block.hidden_width, block.heads * length**2
    dropout = 1 if block.dropout_rate else 0
    norms = 2 * 2 * FLOAT32 * features  # what came in, and the gain by the spread; float32 always
    linear = width * (
        2 * features + 4 * inner
    )  # what the maps were given; queries, keys, values, their mixture
    attention = width * scores * (1 + 2 * dropout)  # probabilities; the mask and what it left
    network = width * hidden * _hidden_copies(block.activation, dropout)
    return norms + linear + attention + network + width * 2 * dropout * features


def block_draws(block, length: int) -> int:
    """Bytes of a `Block`'s random numbers, of a sequence: of scores, of hidden features, of both results."""
    if not block.dropout_rate:
        return 0
    return FLOAT32 * (block.heads * length**2 + length * (block.hidden_width + 2 * block.width))


def _hidden_copies(activation: str, dropout: int) -> int:
    """Of the hidden features: what the activation keeps; the result, or a mask and what it left."""
    after = 2 if dropout else 0 if activation == "relu" else 1
    return _OF_ACTIVATIONS[activation] + after


def block_working(block, length: int, width: int) -> int:
    """Bytes that the backward pass of a `Block` has in hand at its widest, of a sequence."""
    hidden, scores = length * block.hidden_width, block.heads * length**2
    return width * max(4 * hidden, 3 * scores) + 2 * FLOAT32 * length * block.width


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreamMemory:
    """Bytes of one clip in one backbone; see `StepMemory`."""

    kept: int
    draws: int
    working: int


def stream_memory(stream: Stream, width: int, *, recompute: bool) -> StreamMemory:
    """Of what a clip sends through a backbone in training.

    Args:
        width: bytes of a number.
        recompute: whether the blocks' inputs alone are kept, and one block at a time is computed again.
    """
    length, encoder = stream.length(training=True), stream.backbone.encoder
    blocks = [block_kept(block, length, width) for block in encoder.blocks]
    draws = [block_draws(block, length) for block in encoder.blocks]
    working = max((block_working(block, length, width) for block in encoder.blocks), default=0)
    kept = _embedder_kept(stream, width) + _ends_kept(stream, length, width)
    if recompute:
        kept += width * length * encoder.width * encoder.depth
        working += max(blocks, default=0)
        drawn = max(draws, default=0)
    else:
        kept += sum(blocks)
        drawn = sum(draws)
    return StreamMemory(kept=stream.rows * kept, draws=stream.rows * drawn, working=stream.rows * working)


def signal_bytes(stream: Stream, width: int) -> int:
    """A signal as numbers: as it came, scaled, and cut into patches."""
    channels = getattr(stream.backbone.embedder, "channels", 0)
    return 3 * width * channels * math.prod(stream.sizes) if stream.sizes else 0


def _embedder_kept(stream: Stream, width: int) -> int:
    """Patches, and what the projection and dropout keep."""
    embedder, kept = stream.backbone.embedder, 0
    if stream.sizes:
        kept += width * stream.kept * embedder.channels * math.prod(embedder.patch)
        if embedder.position_dropout_rate:
            kept += width * stream.kept * embedder.width
    elif embedder.dropout_rate:
        kept += width * stream.tokens * embedder.width
    if embedder.project is not None:
        kept += width * stream.kept * embedder.width * (_OF_ACTIVATIONS["gelu"] + 1)
    return kept


def _ends_kept(stream: Stream, length: int, width: int) -> int:
    """The final norm and the projection behind the encoder."""
    backbone, kept = stream.backbone, 0
    encoder = backbone.encoder
    if encoder.final_norm is not None:
        kept += 2 * FLOAT32 * length * encoder.width
        kept += width * length * encoder.width if encoder.dropout_rate else 0
    if backbone.projection is not None:
        kept += width * length * (encoder.width + 4 * backbone.projection_width)
    return kept
