"""Masked latent prediction added to a loss that compares modalities, see `vatt.models.latent_prediction`."""

from collections.abc import Callable

import gin
from keras import ops

from vatt.protocols import Batch, Loss, Outputs
from vatt.spec import AUDIO, DRAW_KEY, MASKS, VIDEO


@gin.register
class LatentPredictionLoss:
    """A loss + weight · Σ over modalities of the mean squared error of what is predicted, over
    clips that have the modality, tokens and features.

    Args:
        loss: such as `ContrastiveLoss`.
        weight: of the prediction.
    """

    compares_rows = True  # as the other does

    def __init__(self, *, loss: Loss, weight: float = 1.0):
        if not weight > 0:
            raise ValueError(f"`weight` must be positive. Received: weight={weight}.")
        self.loss = loss
        self.weight = weight
        self.trainable_variables = list(getattr(loss, "trainable_variables", ()))

    def __call__(self, outputs: Outputs, batch: Batch, gather: Callable = lambda rows: rows) -> Outputs:
        """See `vatt.protocols.Loss`: what the other gives, and unweighted "prediction/video", …"""
        losses = dict(self.loss(outputs, batch, gather))
        present = [each for each in (VIDEO, AUDIO) if f"{each}/predicted" in outputs]
        if not present and DRAW_KEY in batch:  # of a step; where a run only begins, nothing is predicted
            raise ValueError(
                "Latent prediction needs a model that predicts, and a pass over the whole batch. Received: "
                f"outputs {', '.join(sorted(outputs))}. Set `VATT.prediction = @LatentPrediction()`, leave "
                "`Execution.gradients` at `WholeBatch`, and on several GPUs set `Execution.jit_compile` to "
                "False."
            )
        for modality in present:
            errors = ops.mean(
                ops.square(outputs[f"{modality}/predicted"] - outputs[f"{modality}/target"]), axis=(1, 2)
            )
            mask = batch.get(MASKS[modality])
            there = ops.ones_like(errors) if mask is None else ops.cast(mask, "float32")
            share = ops.sum(errors * there) / ops.maximum(ops.sum(gather(there)), 1.0)
            losses[f"prediction/{modality}"] = share
            losses["loss"] += self.weight * share
        return losses
