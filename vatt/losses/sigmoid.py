"""Sigmoid loss between modalities (SigLIP, arXiv:2303.15343): a binary decision for every pair of a clip and
a candidate, without a sum over the batch within a logarithm.

The loss is a sum over blocks of pairs: only one block's scores exist at a time, and the gradient makes each
once more. Every replica scores its own candidates against the clips of all replicas.
"""

import math
from collections.abc import Callable

import gin
import keras
from keras import ops

from vatt.losses.log_sums import block_by_block
from vatt.losses.pairs import Pair, PairWeights, pairs_of
from vatt.losses.temperature import check_temperature
from vatt.losses.unit_rows import unit_rows
from vatt.protocols import Batch, Outputs, Tensor
from vatt.spec import EXAMPLE_INDEX


@gin.register
class SigmoidLoss:
    """Σ over pairs of modalities of weight · mean over candidates of −Σ log σ(± (cosine / τ + b)) over clips.

    The sign is + for a candidate's own clip. Every caption of a clip is a positive. τ and b are trained, one
    of each for a pair of modalities; b starts low, as nearly all candidates are those of other clips.

    Args:
        temperature: τ at first.
        bias: b at first.
        weights: of the pairs of modalities; None: those of `PairWeights`.
        block_rows: clips whose candidates are scored at a time; None: all of this replica.
    """

    compares_rows = True  # so that `Accumulated`, which parts them, is refused

    def __init__(
        self,
        *,
        temperature: float = 0.1,
        bias: float = -10.0,
        weights: PairWeights | None = None,
        block_rows: int | None = None,
    ):
        check_temperature(temperature)
        if block_rows is not None and not block_rows >= 1:
            raise ValueError(
                "`block_rows` must be a positive number of clips, or None (all at once). Received: "
                f"block_rows={block_rows!r}."
            )
        self.weights = weights or PairWeights()
        self.block_rows = block_rows
        constant = keras.initializers.Constant
        self._trained = {
            name: (
                keras.Variable(constant(-math.log(temperature)), shape=(), name=f"log_scale_{name}"),
                keras.Variable(constant(bias), shape=(), name=f"bias_{name}"),
            )
            for name in self.weights.positive
        }
        self.trainable_variables = [each for both in self._trained.values() for each in both]

    def __call__(self, outputs: Outputs, batch: Batch, gather: Callable = lambda rows: rows) -> Outputs:
        """See `ContrastiveLoss`: "loss" and its unweighted parts, "loss/video_audio", …"""
        parts = {}
        for name, pair in pairs_of(outputs, batch, self.weights).items():
            log_scale, bias = map(ops.convert_to_tensor, self._trained[name])
            options = {"gather": gather, "block_rows": self.block_rows}
            parts[name] = sigmoid(pair, batch[EXAMPLE_INDEX], ops.exp(log_scale), bias, **options)
        weights = self.weights.positive
        total = sum(weights[name] * part for name, part in parts.items())
        return {"loss": total} | {f"loss/{name}": part for name, part in parts.items()}


def sigmoid(
    pair: Pair,
    index: Tensor,
    scale: Tensor,
    bias: Tensor,
    *,
    gather: Callable = lambda rows: rows,
    block_rows: int | None = None,
) -> Tensor:
    """This replica's share of the loss of one pair of modalities.

    Args:
        pair: of this replica; its number of rows must be known when the graph is made.
        index: int [B], a number of its own for every row of the global batch.
        scale, bias: scalars, 1 / τ and b.
        gather, block_rows: see `SigmoidLoss`.

    Returns:
        float32 scalar; the replicas' sum is the mean over the global batch's candidates, 0 if there is none.
    """
    rows, candidates, width = pair.right.shape
    if rows is None:
        raise ValueError(
            "The sigmoid loss needs a batch whose size is known when the graph is made. Received "
            f"embeddings of shape {tuple(pair.right.shape)}. Batch with `drop_remainder=True`."
        )
    left_mask, right_mask = pair.masks
    left, right = unit_rows(pair.left), ops.reshape(unit_rows(pair.right), (-1, width))
    # One more feature on either side holds the bias, so that a product of the two is a logit.
    left = ops.concatenate([left * scale, ops.broadcast_to(bias, (rows, 1))], axis=1)
    right = ops.concatenate([right, ops.ones((rows * candidates, 1))], axis=1)
    total = _sum_of_losses(
        right,
        gather(left),
        ops.reshape(right_mask, (-1, 1)),
        gather(left_mask),
        ops.repeat(index, candidates)[:, None],
        gather(index),
        min(block_rows or rows, rows) * candidates,
    )
    return total / ops.maximum(ops.sum(gather(right_mask * left_mask[:, None])), 1.0)


def _sum_of_losses(right, left, right_mask, left_mask, right_index, left_index, block):
    """Σ softplus(∓ right · left) over the pairs that exist, from `block` rows of `right` at a time."""
    rows = right.shape[0]

    def cut(x, start, size):
        return ops.slice(x, (start, 0), (size, x.shape[1]))

    def scored(right, left, start, size):
        """The rows of the block; of its pairs the sign, 0 for one that does not exist, and ∓ the logit."""
        block_rows = cut(right, start, size)
        sign = ops.where(ops.equal(cut(right_index, start, size), left_index), -1.0, 1.0)
        logits = ops.matmul(block_rows, ops.transpose(left))
        return block_rows, sign * cut(right_mask, start, size) * left_mask, sign * logits

    @ops.custom_gradient
    def sum_of_losses(right, left):
        def add(start, size, total):
            _, sign, logits = scored(right, left, start, size)
            return (total + ops.sum(ops.softplus(logits) * ops.abs(sign)),)

        (total,) = block_by_block(add, rows, block, (ops.zeros(()),))

        def gradient(*arguments, upstream=None):
            upstream = arguments[-1] if upstream is None else upstream  # by name on PyTorch

            def add_gradient(start, size, of_left, of_right):
                block_rows, sign, logits = scored(right, left, start, size)
                of_scores = ops.sigmoid(logits) * sign * upstream
                of_left = of_left + ops.matmul(ops.transpose(of_scores), block_rows)
                return of_left, ops.slice_update(of_right, (start, 0), ops.matmul(of_scores, left))

            carry = (ops.zeros_like(left), ops.zeros_like(right))
            of_left, of_right = block_by_block(add_gradient, rows, block, carry)
            return of_right, of_left

        return total, gradient

    return sum_of_losses(right, left)
