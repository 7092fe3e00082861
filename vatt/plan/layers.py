"""What each of our layers computes for one row of a batch, and what once for all rows: `(row, once)`.

The sizes are read from the layers themselves, which the configuration built; nothing is restated here but
what `call` does with them.
"""

import math
from collections.abc import Sequence
from typing import Any

from vatt.plan.count import Count, activation, dense, elements, norm, product

Costs = tuple[Count, Count]
NOTHING = Count()


def encoder_costs(encoder: Any, length: int, *, padding: bool, front: bool = False) -> Costs:
    """`TransformerEncoder`, of a sequence.

    Args:
        length: tokens that come in, AGG among them.
        front: whether AGG's output alone is read, as in training.
        padding: whether some of them may be padding, whose scores are pushed down.
    """
    if encoder.relative_bias is not None and padding:
        row = elements(encoder.size.heads * length**2 + 2 * length)  # both biases in one
    else:
        row = elements(2 * length if padding else 0)
    outputs = 1 if front else length
    for number, block in enumerate(encoder.blocks):
        made = outputs if number == encoder.size.depth - 1 else length
        relative = encoder.relative_bias is not None and (
            encoder.relative_bias.blocks == "all" or number == 0
        )
        row += block_costs(block, length, made, biased=padding or relative)
        if made < length:
            left_out = block_costs(block, length, length, biased=False).paper
            row += Count(dropped=left_out - block_costs(block, length, made, biased=False).paper)
    if encoder.final_norm is not None:
        row += norm(encoder.final_norm, outputs, encoder.size.width)
    return row, NOTHING


def blocks_products(encoder: Any, length: int, *, front: bool) -> int:
    """Operations of the matrix products that `recompute` makes twice, of a sequence; `front` as in
    `encoder_costs`. A last map that a residual addition follows is made once: no gradient takes its result.
    """
    total = 0
    for number, block in enumerate(encoder.blocks):
        made = 1 if front and number == encoder.size.depth - 1 else length
        total += block_costs(block, length, made, biased=False).products
        if block.form.norm_placement == "pre":
            total -= product(made, block.size.hidden_width, block.size.width).products
    return total


def block_costs(block: Any, length: int, made: int, *, biased: bool) -> Count:
    """`Block`, of a sequence.

    Args:
        length: tokens that come in.
        made: tokens whose output is made, from the first on.
        biased: whether something is added to its scores.
    """
    size, form = block.size, block.form
    width, inner = size.width, size.heads * size.head_width
    scores = size.heads * made * length
    bias = form.use_bias
    count = norm(block.norm1, length, width) + norm(block.norm2, made, width)
    count += 2 * dense(length, width, inner, use_bias=bias) + dense(made, width, inner, use_bias=bias)
    count += dense(made, inner, width, use_bias=bias)
    attention = size.heads * product(made, size.head_width, length)
    count += 2 * attention + Count(mixing=attention.products, softmax=scores)
    count += elements(made * inner if form.scale_scores else 0) + elements(scores if biased else 0)
    expansions = 1 if block.feed_forward.gate is None else 2
    count += expansions * dense(made, width, size.hidden_width, use_bias=bias)
    count += activation(form.activation, made * size.hidden_width)
    count += dense(made, size.hidden_width, width, use_bias=bias)
    return count + elements(2 * made * width)  # the two residual additions


def signal_tokenizer_costs(tokenizer: Any, sizes: Sequence[int], tokens: int) -> Costs:
    """`SignalTokenizer`, of a signal of these sizes of which `tokens` are kept."""
    width, energies = tokenizer.patches.width, tokenizer.patches.energies
    grid = tokenizer.grid_of(sizes)
    values = math.prod(tokenizer.patch) * tokenizer.channels
    mapped = width + energies
    row = dense(tokens, values, mapped, use_bias=True, gradients=1)  # nothing asks for a pixel's gradient
    row += Count(dropped=product(math.prod(grid) - tokens, values, mapped).products)
    row += elements(5 * tokens * energies)  # two squares, their sum, its logarithm and scale
    if tokenizer.project is not None:
        row += dense(tokens, width, width, use_bias=True) + activation("gelu", tokens * width)
    if (log_mel := getattr(tokenizer, "log_mel", None)) is not None:
        row += spectrogram_costs(log_mel, sizes[0])
    return row + elements(tokens * width), position_costs(tokenizer.positions, grid)


def position_costs(positions: Any, grid: Sequence[int]) -> Count:
    """`FactorisedPositions`, once for all rows."""
    once, shape = NOTHING, [1] * len(grid)
    for tabled in positions.tabled_axes:
        rows = math.prod(positions.grid[axis] for axis in tabled)
        wanted = math.prod(grid[axis] for axis in tabled)
        resized = [positions.grid[axis] for axis in tabled] != [grid[axis] for axis in tabled]
        if resized and positions.interpolation is not None:
            once += product(wanted, rows, positions.width, gradients=1)  # the matrix is a constant
        shape = [grid[axis] if axis in tabled else size for axis, size in enumerate(shape)]
        once += elements(math.prod(shape) * positions.width)
    if positions.norm is not None:
        once += norm(positions.norm, math.prod(grid), positions.width)
    return once


def word_tokenizer_costs(tokenizer: Any, width: int, words: int) -> Costs:
    """`WordTokenizer`, of a sentence as tokens of `width` features."""
    row, once = elements(words), NOTHING  # which words are padding
    if tokenizer.project is not None:
        length = words + (1 if tokenizer.aggregate == "before" else 0)
        row += dense(length, tokenizer.table_width, width, use_bias=tokenizer.projection_bias)
        row += activation("gelu", length * width)
    if tokenizer.positions is not None:
        row += elements(words * width)
        once += position_costs(tokenizer.positions, (words,))
    return row, once


def projection_costs(tower: Any, length: int) -> Count:
    """What a `Tower` does to the outputs of its encoder."""
    count = NOTHING
    if tower.projection is not None:
        width = tower.projection_width
        count += dense(length, tower.encoder.size.width, width, use_bias=True)
        count += activation("gelu", length * width)
    if not tower.tokenizer.aggregates:  # the mean over words
        count += elements(2 * length * tower.width + length + tower.width)
    return count


def spectrogram_costs(spectrogram: Any, samples: int) -> Count:
    """`LogMel`, of a waveform. A real Fourier transform of n values takes 2.5 · n · log2 n operations."""
    steps, bins = spectrogram.sizes(samples)
    size = 2 ** math.ceil(math.log2(spectrogram.frame_samples))
    frequencies = spectrogram.used_frequencies
    count = product(steps, frequencies, bins, gradients=0)
    count += Count(transform=round(2.5 * size * math.log2(size)) * steps)
    # The window; squares and their sum; the logarithm's factor; between the extremes.
    count += elements(steps * (spectrogram.frame_samples + 5 * frequencies + bins))
    return count + elements(2 * steps * bins if spectrogram.normalise else 0)
