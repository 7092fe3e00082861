"""Memory of a training step on one device: what lies there all the time, and the most that a step adds.

The backward pass of a layer needs some of what its forward pass made; which of it is read off what TensorFlow's
gradients take. Everything is kept from the forward pass of the first block to the backward pass of the last,
where the step needs the most: there, what is kept, and what that block has in hand, lie side by side.
"""

import dataclasses

from vatt.plan.costs import Stream

FLOAT32 = 4
HALF = 2

# Copies of the hidden features that the activation keeps, its result included, by the names of `ACTIVATIONS`.
_KEPT_BY_ACTIVATION = {"gelu": 4, "relu": 1, "gated_gelu": 9}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Activations:
    """Bytes of one sequence, or of all of them.

    Args:
        kept: from the forward to the backward pass.
        working: the most that one block has in hand beside it, in its backward pass.
        inputs: of each block, together: all that is kept where blocks are computed again.
        block: the most that one block keeps.
    """

    kept: int
    working: int
    inputs: int = 0
    block: int = 0


def width_of(precision: str) -> int:
    """Bytes of a number that layers compute with."""
    return FLOAT32 if precision == "float32" else HALF


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


def stream_activations(stream: Stream, width: int) -> Activations:
    """Of one clip through one backbone, in training."""
    length, encoder = stream.length(training=True), stream.backbone.encoder
    blocks = [block_kept(block, length, width) for block in encoder.blocks]
    working = max((block_working(block, length, width) for block in encoder.blocks), default=0)
    around = _embedder_kept(stream, width) + _ends_kept(stream, length, width)
    inputs = width * length * encoder.width * encoder.depth
    kept = around + (inputs if encoder.recompute else sum(blocks))
    if encoder.recompute:
        working += max(blocks, default=0)
    rows = stream.rows
    return Activations(kept=rows * kept, working=rows * working)


def _embedder_kept(stream: Stream, width: int) -> int:
    """Patches, and what the projection and dropout keep."""
    embedder, kept = stream.backbone.embedder, 0
    if stream.sizes:
        values = embedder.channels
        for size in embedder.patch:
            values *= size
        kept += width * stream.kept * values
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
