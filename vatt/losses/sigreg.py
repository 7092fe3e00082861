"""Learning without negatives: embeddings of one clip agree, and all embeddings of an output are spread like
an isotropic Gaussian (SIGReg of LeJEPA, arXiv:2511.08544), so that they do not collapse.

SIGReg projects the rows onto random directions and compares the empirical characteristic function of each
projection with that of N(0, 1), exp(−t² / 2), over a grid of t (Epps and Pulley's test). On several replicas
the cosines and sines are summed over all of them first.
"""

from collections.abc import Callable

import gin
import numpy as np
from keras import ops

from vatt.layers import draws
from vatt.losses.pairs import Pair, PairWeights, pairs_of
from vatt.protocols import Batch, Outputs, Tensor
from vatt.spec import EXAMPLE_INDEX

_SALT = 0x51627265
_KNOTS = np.linspace(0.0, 3.0, 17)  # the function is even: half of the line, twice the weight
_GAUSSIAN = np.exp(-(_KNOTS**2) / 2)
_TRAPEZES = np.where((_KNOTS == 0) | (_KNOTS == 3), 1.0, 2.0) * _KNOTS[1] * _GAUSSIAN


@gin.register
class SIGRegLoss:
    """Σ over pairs of modalities of weight · ((1 − λ) · disagreement + λ · mean SIGReg of the two sides).

    The disagreement is the squared distance between a clip's embeddings, per feature, mean over candidates.

    Args:
        regularisation: λ, in (0, 1). SIGReg grows with the number of rows, as Epps and Pulley's statistic.
        directions: random projections, drawn anew for each batch.
        weights: of the pairs of modalities; None: those of `PairWeights`.
    """

    compares_rows = True  # the spread is that of the whole batch

    def __init__(
        self, *, regularisation: float = 0.05, directions: int = 256, weights: PairWeights | None = None
    ):
        if not 0 < regularisation < 1:
            raise ValueError(
                f"`regularisation` must be in (0, 1). Received: regularisation={regularisation}."
            )
        if directions < 1:
            raise ValueError(f"`directions` must be at least 1. Received: directions={directions}.")
        self.regularisation = regularisation
        self.directions = directions
        self.weights = weights or PairWeights()

    def __call__(self, outputs: Outputs, batch: Batch, gather: Callable = lambda rows: rows) -> Outputs:
        """See `ContrastiveLoss`: "loss", and unweighted "loss/video_audio", …, "sigreg/video_audio", …"""
        weights, total, parts = self.weights.positive, 0.0, {}
        first = gather(batch[EXAMPLE_INDEX])[0]
        for name, pair in pairs_of(outputs, batch, self.weights).items():
            width, (left_mask, right_mask) = pair.right.shape[-1], pair.masks
            chosen = unit_directions(first, width, self.directions)
            sides = (
                (pair.left, left_mask),
                (ops.reshape(pair.right, (-1, width)), ops.reshape(right_mask, (-1,))),
            )
            spread = sum(sigreg(rows, mask, chosen, gather) for rows, mask in sides) / 2
            apart = disagreement(pair, gather)
            total += weights[name] * ((1 - self.regularisation) * apart + self.regularisation * spread)
            parts |= {f"loss/{name}": apart, f"sigreg/{name}": spread}
        return {"loss": total} | parts


def unit_directions(index: Tensor, width: int, count: int) -> Tensor:
    """Random directions float32 [width, count], a function of a number, the same on every replica."""
    number = ops.cast(ops.bitwise_and(index, 0x7FFFFFFF), "int32")
    key = ops.stack([ops.zeros_like(number), number])[None]
    with draws.keyed(key):
        uniform = draws.uniform((1, count, width), salt=_SALT)[0]
    # Well within ±1: TensorFlow's erfinv rounds what is next to 1 up to it, which is infinite.
    normal = ops.erfinv((2 * uniform - (1 - 2.0**-24)) * (1 - 2.0**-20))
    return ops.transpose(normal / ops.sqrt(ops.sum(ops.square(normal), axis=1, keepdims=True)))


def sigreg(rows: Tensor, mask: Tensor, directions: Tensor, gather: Callable = lambda rows: rows) -> Tensor:
    """This replica's share of N · ∫ |φ_N(t) − exp(−t² / 2)|² exp(−t² / 2) dt, mean over directions.

    Args:
        rows: [n, D], mask: [n], 0 for a row to leave out.
        directions: [D, M] of length 1.
        gather: see `ContrastiveLoss`.
    """
    knots, gaussian, trapezes = (
        ops.convert_to_tensor(each, "float32") for each in (_KNOTS, _GAUSSIAN, _TRAPEZES)
    )
    angles = ops.matmul(ops.cast(rows, "float32"), directions)[:, :, None] * knots  # [n, M, T]
    waves = ops.stack([ops.cos(angles), ops.sin(angles)], axis=1) * mask[:, None, None, None]
    sums = ops.sum(gather(ops.sum(waves, axis=0, keepdims=True)), axis=0)  # [2, M, T]
    count = ops.sum(gather(mask))
    found = sums / ops.maximum(count, 1.0)
    distances = ops.square(found[0] - gaussian) + ops.square(found[1])
    replicas = ops.cast(ops.shape(gather(ops.ones((1,))))[0], "float32")
    return count * ops.mean(ops.matmul(distances, trapezes[:, None])) / replicas


def disagreement(pair: Pair, gather: Callable = lambda rows: rows) -> Tensor:
    """This replica's share of the mean of (clip − candidate)² over candidates that exist and features."""
    left_mask, right_mask = pair.masks
    there = left_mask[:, None] * right_mask
    apart = ops.mean(ops.square(pair.left[:, None] - pair.right), axis=-1)
    return ops.sum(apart * there) / ops.maximum(ops.sum(gather(there)), 1.0)
