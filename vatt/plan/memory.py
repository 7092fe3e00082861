"""Memory of a training step on one device: what lies there all the time, and the most that a step adds.

The backward pass of a layer needs some of what its forward pass made; which of it is read off what TensorFlow's
gradients take. Everything is kept from the forward pass of the first block to the backward pass of the last,
where the step needs the most: there, what is kept, and what that block has in hand, lie side by side.
"""

import dataclasses
import math

from vatt.plan.costs import Stream
from vatt.plan.layers import block_costs

FLOAT32 = 4
HALF = 2

# Copies of the hidden features that the activation keeps, its result included, by the names of `ACTIVATIONS`.
_KEPT_BY_ACTIVATION = {"gelu": 4, "relu": 1, "gated_gelu": 9}


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
        working: the most that blocks have in hand beside them.
        pixels: of the signals as numbers, before there are patches.
        loss: what the loss keeps, similarities above all.
        gradients: of all weights.
    """

    weights: int
    optimizer: int
    batch: int
    halves: int
    kept: int
    working: int
    pixels: int
    loss: int
    gradients: int

    @property
    def resident(self) -> int:
        """There all the time."""
        return self.weights + self.optimizer + self.batch

    @property
    def step(self) -> int:
        """The most that a step adds: where the backward pass begins, or where it ends, with all gradients."""
        begins = self.kept + self.working + self.loss
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
    linear = width * (2 * features + 4 * inner)  # what the maps were given; queries, keys, values, their mixture
    attention = width * scores * (1 + 2 * dropout)  # probabilities; the mask and what it left
    network = width * hidden * (_KEPT_BY_ACTIVATION[block.activation] + dropout)
    return norms + linear + attention + network + width * 2 * dropout * features


def block_working(block, length: int, width: int) -> int:
    """Bytes that the backward pass of a `Block` has in hand at its widest, of a sequence."""
    hidden, scores = length * block.hidden_width, block.heads * length**2
    return width * max(4 * hidden, 3 * scores) + 2 * FLOAT32 * length * block.width


def stream_memory(stream: Stream, width: int, *, recompute: bool) -> tuple[int, int]:
    """Bytes that are kept of a clip, and those that are in hand beside them."""
    length, encoder = stream.length(training=True), stream.backbone.encoder
    blocks = [block_kept(block, length, width) for block in encoder.blocks]
    working = max((block_working(block, length, width) for block in encoder.blocks), default=0)
    kept = _embedder_kept(stream, width) + _ends_kept(stream, length, width)
    if recompute:  # what came into each block; one at a time is computed again
        kept += width * length * encoder.width * encoder.depth
        working += max(blocks, default=0)
    else:
        kept += sum(blocks)
    return stream.rows * kept, stream.rows * working


def blocks_products(stream: Stream) -> int:
    """Operations of the matrix products of all blocks, for one sequence: what is computed again."""
    length, blocks = stream.length(training=True), stream.backbone.encoder.blocks
    return sum(block_costs(block, length, biased=False).products for block in blocks)


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
        kept += width * stream.kept * embedder.width * _KEPT_BY_ACTIVATION["gelu"]
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
