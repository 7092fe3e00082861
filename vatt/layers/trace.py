"""What happens inside an encoder, block by block, for whoever wants to look at it.

The sublayers of the blocks are called here one after the other, in inference. So the encoder itself knows
nothing of being watched; that both come to the same output is tested.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from keras import ops


@dataclasses.dataclass(frozen=True)
class BlockTrace:
    """One block at work.

    Args:
        probabilities: attention, [B, H, N, N] (query, key).
        transformed: output of the feed-forward network before it is added to the residual, [B, N, D].
        tokens: output of the block, [B, N, D].
    """

    probabilities: Any
    transformed: Any
    tokens: Any


def trace_blocks(encoder, tokens, words=None) -> Iterator[BlockTrace]:
    """The blocks of an `Encoder` in their order, one at a time: only what the caller keeps stays in memory.

    Args:
        encoder: built.
        tokens: [B, N, D].
        words: as in `Encoder`.
    """
    tokens = ops.cast(tokens, encoder.compute_dtype)
    for block, bias in zip(encoder.blocks, encoder.biases(tokens.shape[1], words)):
        if block.form.norm_placement == "pre":
            read = block.norm1(tokens)
            probabilities = block.attention.probabilities(read, bias)
            tokens = tokens + block.attention.mix(probabilities, read)
            transformed = block.feed_forward(block.norm2(tokens))
            tokens = tokens + transformed
        else:
            probabilities = block.attention.probabilities(tokens, bias)
            tokens = block.norm1(tokens + block.attention.mix(probabilities, tokens))
            transformed = block.feed_forward(tokens)
            tokens = block.norm2(tokens + transformed)
        yield BlockTrace(probabilities, transformed, tokens)


def roll_out(probabilities: Iterable):
    """How much of each input token reaches each output token (Abnar and Zuidema 2020, attention roll-out).

    The heads of a block are averaged, and the residual connection is as much as all of its attention: A =
    (W + I) / 2. The matrices of all blocks are multiplied.

    Args:
        probabilities: of each block from the first to the last, [B, H, N, N]; may be a generator.

    Returns:
        float32 [B, N, N], (output, input); each row sums to 1.
    """
    product = None
    for heads in probabilities:
        mean = ops.mean(ops.cast(heads, "float32"), axis=1)
        # Rounded probabilities of half precision do not sum to 1.
        mean = mean / ops.sum(mean, axis=-1, keepdims=True)
        passed = (mean + ops.eye(mean.shape[-1], dtype="float32")) / 2
        product = passed if product is None else ops.matmul(passed, product)
    return product
