"""NCE and MIL-NCE between modalities (paper 3.4, Eq. 4–6), in four forms.

Every row is scored on the replica that holds it, against the rows of all replicas: the sum of the replicas'
shares is the loss of the global batch, and so is the sum of their gradients. Rows and candidates that do not
exist are taken out altogether, as positives and as negatives, so the loss is that of the batch without them,
however it is split.
"""

import math
from collections.abc import Callable

import gin
from keras import ops

from vatt.losses.log_sums import NEVER, fast_rows, streamed, whole
from vatt.losses.pairs import PairWeights, pairs_of
from vatt.losses.temperature import LearnedTemperature, check_temperature
from vatt.losses.unit_rows import unit_rows
from vatt.protocols import Batch, Outputs, Tensor
from vatt.spec import EXAMPLE_INDEX

FORMS = ("paper", "literal", "released", "symmetric")


@gin.register
class ContrastiveLoss:
    """loss = w_va · NCE(video, audio) + w_vt · MIL-NCE(video, text), and that of more pairs where they count.

    A pair of weight 0, or one of whose modalities the batch does not hold (`ClipSpec.modalities`), is left
    out: one pair is enough.

    Args:
        temperature: τ; of one that is trained, where it starts.
        lowest_temperature: τ is trained, one for each pair, and stays above this; None: τ is fixed.
        weights: of the pairs; None: those of `PairWeights`, Eq. 6.
        form: "paper": Eq. 4–6 as MIL-NCE reads them: a clip's negatives are those in its own row and column,
            a positive counts once; the sum. "literal": Eq. 4–6 as printed: every clip has all non-matching
            pairs of the batch for negatives, B · (B − 1) instead of 2 · (B − 1); the sum. "released": row and
            column, but the positive counts twice, each replica averages over its own rows; the weighted mean
            of the two losses. "symmetric": cross-entropy in both directions, summed.
        block_rows: clips whose candidates are scored at a time, so that a batch of thousands fits: the same
            loss and gradients from a small part of the memory, see `log_sums`. "auto": as many as are fast,
            256 of a batch of 4,096, 128 of 8,192. None: all at once.
    """

    compares_rows = True  # so that `Accumulated`, which parts them, is refused

    def __init__(
        self,
        *,
        temperature: float = 0.07,
        lowest_temperature: float | None = None,
        weights: PairWeights | None = None,
        form: str = "paper",
        block_rows: int | str | None = None,
    ):
        if form not in FORMS:
            raise ValueError(f"`form` must be one of {FORMS}. Received: form={form!r}.")
        check_temperature(temperature)
        if block_rows not in (None, "auto") and not (isinstance(block_rows, int) and block_rows >= 1):
            raise ValueError(
                "`block_rows` must be a positive number of clips, 'auto', or None (all at once). "
                f"Received: block_rows={block_rows!r}."
            )
        self.temperature = temperature
        self.lowest_temperature = lowest_temperature
        self.weights = weights or PairWeights()
        self.form = form
        self.block_rows = block_rows
        self._learned = {}
        if lowest_temperature is not None:
            self._learned = {
                name: LearnedTemperature(temperature, lowest_temperature, name=f"temperature_{name}")
                for name in self.weights.positive
            }
        self.trainable_variables = [each.variable for each in self._learned.values()]

    def rows_at_once(self, batch_rows: int) -> int:
        """Clips whose candidates are scored at a time, for a global batch of this size."""
        if self.block_rows is None:
            return batch_rows
        return min(batch_rows, fast_rows(batch_rows) if isinstance(self.block_rows, str) else self.block_rows)

    def __call__(self, outputs: Outputs, batch: Batch, gather: Callable = lambda rows: rows) -> Outputs:
        """This replica's share of the loss and its parts.

        Args:
            outputs: "video/video_audio", "audio/video_audio" [B, d_va], "video/video_text" [B, d_vt] and
                "text/video_text" [B · K, d_vt], not normalised, of one pair at least; of further pairs
                "audio/video_text", "audio_visual/video_text" [B, d_vt].
            batch: `example_index` [B]; `video_mask`, `audio_mask` [B], `text_mask` [B, K], each optional.
            gather: rows of this replica -> rows of all replicas, differentiable.

        Returns:
            dict of float32 scalars: "loss" and its unweighted parts, "loss/video_audio", "loss/video_text", …

        Raises:
            ValueError: the outputs hold no pair whose weight is positive.
        """
        parts = {}
        for name, pair in pairs_of(outputs, batch, self.weights).items():
            parts[name] = contrast(
                pair.left,
                pair.right,
                *pair.masks,
                index=batch.get(EXAMPLE_INDEX),
                temperature=self._learned[name]() if self._learned else self.temperature,
                lowest_temperature=self.lowest_temperature,
                form=self.form,
                gather=gather,
                block_rows=self.block_rows,
            )
        weights = self.weights.positive
        total = sum(weights[name] * part for name, part in parts.items())
        if self.form == "released":
            total = total / sum(weights[name] for name in parts)
        return {"loss": total} | {f"loss/{name}": part for name, part in parts.items()}


def contrast(
    left: Tensor,
    right: Tensor,
    left_mask: Tensor = None,
    right_mask: Tensor = None,
    *,
    index: Tensor = None,
    temperature: float | Tensor = 0.07,
    lowest_temperature: float | None = None,
    form: str = "paper",
    gather: Callable = lambda x: x,
    block_rows: int | str | None = None,
) -> Tensor:
    """This replica's share of (MIL-)NCE between clips and their candidates.

    Args:
        left: float [B, D], one row per clip.
        right: float [B, K, D], its candidates (K = 1 for audio).
        left_mask: [B], 0 for a clip to leave out; right_mask: [B, K], 0 for a candidate to leave out.
        index: int [B], a number of its own for every row of the global batch.
        temperature: τ.
        lowest_temperature: what τ never falls below, of one that is a tensor.
        form, block_rows: see `ContrastiveLoss`.
        gather: local rows -> global rows, differentiable.

    Returns:
        float32 scalar; the replicas' sum is the mean over the global batch's valid rows, 0 if there is none.
    """
    left = unit_rows(left)
    right = unit_rows(right)
    rows, candidates = ops.shape(left)[0], right.shape[1]
    index = ops.arange(rows) if index is None else index
    left_mask = ops.ones((rows,), "float32") if left_mask is None else ops.cast(left_mask, "float32")
    right_mask = (
        ops.ones((rows, candidates), "float32") if right_mask is None else ops.cast(right_mask, "float32")
    )
    paper = form in ("paper", "literal")
    if paper:  # in the other two a clip without text stays a negative for other texts
        valid = left_mask * ops.max(right_mask, axis=1)
        left_mask, right_mask = valid, right_mask * valid[:, None]
    valid = left_mask * ops.max(right_mask, axis=1)
    scored = left_mask if paper else ops.ones_like(left_mask)
    options = {"index": index, "temperature": temperature, "gather": gather}
    if block_rows is None:
        positives, forth, back = whole(left, right, scored, right_mask, **options)
    else:
        lowest = temperature if lowest_temperature is None else lowest_temperature
        options |= {"largest": 1 / lowest, "block_rows": block_rows}
        positives, forth, back = streamed(left, right, scored, right_mask, **options)

    # With P the sum of the positives, F and G those of the negatives: each is log(1 + quotient), in which
    # nothing cancels when the positives rule.
    if form == "literal":  # log((P + ΣF) / P), the sum over all clips of the global batch
        every = gather(ops.where(valid > 0, forth, NEVER))
        losses = ops.softplus(ops.logsumexp(every) - positives)
    elif form == "paper":  # log((P + F + G) / P)
        losses = ops.softplus(_log_of_both(forth, back) - positives)
    elif form == "released":  # log((2P + F + G) / P)
        losses = math.log(2) + ops.softplus(_log_of_both(forth, back) - positives - math.log(2))
    else:  # log((P + F) / P) + log((P + G) / P)
        losses = ops.softplus(forth - positives) + ops.softplus(back - positives)

    total = ops.sum(ops.where(valid > 0, losses, 0.0))
    all_valid = gather(valid)
    if form == "released":
        replicas = ops.cast(ops.shape(all_valid)[0], "float32") / ops.cast(rows, "float32")
        return total / (ops.maximum(ops.sum(valid), 1.0) * replicas)
    return total / ops.maximum(ops.sum(all_valid), 1.0)


def _log_of_both(forth, back):
    """log(F + G), via a stack, so that each has one gradient; the three of `logaddexp` are not always
    added in one order, and runs would differ in the last place."""
    return ops.logsumexp(ops.stack([forth, back]), axis=0)
