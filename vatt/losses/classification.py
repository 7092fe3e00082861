"""Fine-tuning losses: one label per clip (paper A.2.5, A.3.1), or several with rare ones weighted up (A.3).

As in `contrastive`, every replica gives its share: the sum over replicas is the loss of the global batch.
"""

from collections.abc import Callable

import gin
from keras import ops

from vatt.protocols import Batch, Outputs, Tensor
from vatt.spec import LABEL

INVERSE_COUNT, UNIFORM = "inverse_count", "uniform"
LABEL_WEIGHT = "label_weight"  # float32 [B], of a batch that is scored in parts


@gin.register
class SoftmaxLoss:
    """Cross-entropy between softmax(logits) and the targets, mean over the global batch.

    Args:
        label_smoothing: α: targets become (1 − α) · y + α / C.
    """

    def __init__(self, *, label_smoothing: float = 0.1):
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"`label_smoothing` must be in [0, 1). Received: {label_smoothing}.")
        self.label_smoothing = label_smoothing

    def __call__(self, outputs: Outputs, batch: Batch, gather: Callable = lambda rows: rows) -> Outputs:
        """{"loss"} from "logits" [B, Y] and a batch's labels [B, Y]; `gather` as in `ContrastiveLoss`."""
        logits, targets = _logits_and_targets(outputs, batch)
        targets = targets * (1 - self.label_smoothing) + self.label_smoothing / targets.shape[-1]
        losses = -ops.sum(targets * ops.log_softmax(logits, axis=-1), axis=-1)
        return {"loss": _share(losses, gather)}


@gin.register
class MultiLabelLoss:
    """Sigmoid cross-entropy summed over classes, mean over the global batch.

    Args:
        weighting: "inverse_count": a clip weighs by the mean, over its labels, of 1 / (how often the batch
            has that label) (paper A.3); "uniform": all clips weigh the same.
    """

    def __init__(self, *, weighting: str = INVERSE_COUNT):
        if weighting not in (INVERSE_COUNT, UNIFORM):
            raise ValueError(
                f"`weighting` must be {INVERSE_COUNT!r} or {UNIFORM!r}. Received: weighting={weighting!r}."
            )
        self.weighting = weighting

    def __call__(self, outputs: Outputs, batch: Batch, gather: Callable = lambda rows: rows) -> Outputs:
        """{"loss"} from "logits" [B, Y] and a batch's labels [B, Y]; `gather` as in `ContrastiveLoss`."""
        logits, targets = _logits_and_targets(outputs, batch)
        # max(x, 0) − x·y + log(1 + e^−|x|): never overflows.
        losses = ops.relu(logits) - logits * targets + ops.log1p(ops.exp(-ops.abs(logits)))
        losses = ops.sum(losses, axis=-1)
        if self.weighting == INVERSE_COUNT:
            weights = batch.get(LABEL_WEIGHT)
            losses = losses * (self.weights(targets, gather) if weights is None else weights)
        return {"loss": _share(losses, gather)}

    def prepare(self, batch: Batch, gather: Callable = lambda rows: rows) -> Batch:
        """The batch with each clip's weight, counted over all of it, before parts of it are scored."""
        if self.weighting != INVERSE_COUNT or LABEL not in batch:
            return batch
        return batch | {LABEL_WEIGHT: self.weights(ops.cast(batch[LABEL], "float32"), gather)}

    @staticmethod
    def weights(targets: Tensor, gather: Callable = lambda rows: rows) -> Tensor:
        """Weight of each clip, [B]; 0 for one without labels. Counts are those of the global batch."""
        counts = ops.sum(gather(targets), axis=0)
        inverse = ops.where(counts > 0, 1 / ops.where(counts > 0, counts, 1.0), 0.0)
        labels = ops.sum(targets, axis=-1)
        return ops.sum(targets * inverse, axis=-1) / ops.where(labels > 0, labels, 1.0)


def _logits_and_targets(outputs, batch):
    """Both float32 [B, Y]; raises unless the head has a class for each label of the data."""
    logits, targets = outputs["logits"], batch.get(LABEL)
    if targets is None:
        raise ValueError(
            f"The batch must hold {LABEL!r}. Received: keys {tuple(batch)}. "
            "Set `PreparedClips.labels = True`."
        )
    if logits.shape[-1] != targets.shape[-1]:
        raise ValueError(
            "The head must have as many classes as the data set has labels. Received: "
            f"{logits.shape[-1]} classes, {targets.shape[-1]} labels. Set the number of classes to that of "
            "`labels` in dataset.json."
        )
    return ops.cast(logits, "float32"), ops.cast(targets, "float32")


def _share(losses, gather):
    """This replica's part of the mean over all replicas' rows."""
    return ops.sum(losses) / ops.cast(ops.shape(gather(losses))[0], "float32")
