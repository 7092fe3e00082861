"""softmax(q·kᵀ + bias)·v by blocks of queries, with a gradient that keeps no matrix of N × N.

The framework's own gradient keeps the probabilities of every layer, H · N² numbers per example: in ViT-Base
at 785 tokens nearly as much as all else together. This one keeps queries, keys, values and the result, and
makes the probabilities again, a block of whole rows at a time (the idea of FlashAttention, arXiv:2205.14135;
whole rows need no running sums). That is a seventh more products in attention and, since a block stays close
to the processor, no more time.
"""

from collections.abc import Callable

from keras import ops

from vatt.layers.dropout import dropped, dropped_again
from vatt.layers.lean import arrival
from vatt.protocols import Tensor

# About as many scores of an example are made at a time: 8 MB in float32.
BLOCK_ENTRIES = 2**21


def split_heads(features: Tensor, heads: int) -> Tensor:
    """[B, N, H·d] -> [B, H, N, d]."""
    shape = (-1, features.shape[1], heads, features.shape[2] // heads)
    return ops.transpose(ops.reshape(features, shape), (0, 2, 1, 3))


def merge_heads(split: Tensor) -> Tensor:
    """[B, H, N, d] -> [B, N, H·d]."""
    merged = ops.transpose(split, (0, 2, 1, 3))
    return ops.reshape(merged, (-1, merged.shape[1], merged.shape[2] * merged.shape[3]))


def attend(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    *,
    heads: int,
    bias: Tensor | None = None,
    kept: Callable[[int, int], Tensor] | None = None,
    rate: float = 0.0,
) -> Tensor:
    """Mixes values by the probabilities of their keys.

    Args:
        queries, keys, values: [B, N, H · d]; the queries are scaled; N is known when the graph is made.
        heads: H.
        bias: [B or 1, H or 1, N or 1, N], added to the scores, or None.
        kept: `kept(first, count)` gives bool [B, H, count, N] for the queries from `first` on: what dropout
            keeps of their probabilities. None disables dropout. Kept as they are, a byte each: drawing them
            again would cost more than all products.
        rate: share of the probabilities that dropout drops.

    Returns:
        [B, N, H · d].
    """
    length = queries.shape[1]
    blocks = max(1, round(heads * length * length / BLOCK_ENTRIES))
    size = -(-length // blocks)
    cuts = [(first, min(size, length - first)) for first in range(0, length, size)]

    masks = [None if kept is None else kept(*cut) for cut in cuts]

    @ops.custom_gradient
    def mixed(queries, keys, values, *bias):
        q, k, v = (split_heads(each, heads) for each in (queries, keys, values))

        def probabilities(cut, q=q):
            scores = ops.matmul(_rows(q, *cut), _transposed(k))
            if bias:
                scores = scores + (bias[0] if bias[0].shape[2] == 1 else _rows(bias[0], *cut))
            return ops.softmax(scores, axis=-1)

        parts = [ops.matmul(dropped(probabilities(cut), mask, rate), v) for cut, mask in zip(cuts, masks)]
        result = merge_heads(_joined(parts))

        def gradient(*arguments, upstream=None):
            # Keras hands over the gradient by position on TensorFlow and JAX, by name on PyTorch.
            upstream = arguments[-1] if upstream is None else upstream
            of_mixed, own = split_heads(upstream, heads), split_heads(result, heads)
            # What softmax takes off a row's gradient, Σ p·dp, is Σ y·dy of its result (FlashAttention, B.2).
            shared = ops.sum(ops.cast(of_mixed, "float32") * ops.cast(own, "float32"), -1, keepdims=True)
            shared = ops.cast(shared, upstream.dtype)
            late_q = q + arrival(upstream)  # or the probabilities would be those of the forward pass, kept
            query_parts, bias_parts = [], []
            key_gradient = value_gradient = None
            for cut, mask in zip(cuts, masks):
                p, up = probabilities(cut, late_q), _rows(of_mixed, *cut)
                of_values = ops.matmul(_transposed(dropped_again(p, mask, rate)), up)
                of_scores = dropped_again(ops.matmul(up, _transposed(v)), mask, rate)
                of_scores = (of_scores - _rows(shared, *cut)) * p
                query_parts.append(ops.matmul(of_scores, k))
                of_keys = ops.matmul(_transposed(of_scores), _rows(q, *cut))
                key_gradient = of_keys if key_gradient is None else key_gradient + of_keys
                value_gradient = of_values if value_gradient is None else value_gradient + of_values
                if bias:
                    bias_parts.append(_summed_like(bias[0], of_scores))
            gradients = [merge_heads(each) for each in (_joined(query_parts), key_gradient, value_gradient)]
            if bias and bias[0].shape[2] == 1:
                gradients.append(sum(bias_parts[1:], bias_parts[0]))
            elif bias:
                gradients.append(_joined(bias_parts))
            return tuple(gradients)

        return result, gradient

    return mixed(queries, keys, values, *(() if bias is None else (bias,)))


def _transposed(x):
    return ops.transpose(x, (0, 1, 3, 2))


def _rows(x, first, count):
    return x[:, :, first : first + count]


def _summed_like(bias, of_scores):
    """Gradients of one block's scores [B, H, count, N], summed where the bias has one entry for all."""
    axes = [axis for axis in (0, 1, 2) if bias.shape[axis] == 1]
    return ops.sum(of_scores, axis=axes, keepdims=True) if axes else of_scores


def _joined(blocks):
    return ops.concatenate(blocks, axis=2) if len(blocks) > 1 else blocks[0]
