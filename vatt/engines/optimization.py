"""What the update does to the weights besides the optimizer's rule: bounds on gradients, learning rates by
group and layer, decay, the average.

Settings alone, which every engine reads.
"""

import dataclasses
from collections.abc import Sequence

import gin

from vatt.engines.groups import Group
from vatt.optimizers.weight_decay import WeightDecay


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class WeightAverage:
    """An exponential moving average of the weights, part of every checkpoint: average ← d · average + (1 −
    d) · weight after each step.

    The moving statistics of batch normalisation are averages already and are not averaged again.

    Args:
        decay: d. In the first steps min(d, (1 + n) / (10 + n)) is used, n the steps done, so that the initial
            weights are soon forgotten.
    """

    decay: float = 0.9999

    def __post_init__(self):
        if not 0 <= self.decay < 1:
            raise ValueError(f"`decay` must be in [0, 1). Received: decay={self.decay}.")


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class Optimization:
    """What the summed gradients do to the weights, besides the optimizer's rule.

    Args:
        clip_global_norm: upper bound of the norm of all gradients together; None disables it.
        groups: weights with learning rates and bounds of their own, such as backbone and head.
        layer_decay: factor of the learning rate per layer down from the heads, see `layer_factors`; None
            for 1.
        weight_decay: decoupled weight decay; None disables it.
        average: a moving average of the weights, which is then what evaluators see; None disables it.
        skip_bad_steps: how many non-finite steps a run may skip before it stops.
    """

    clip_global_norm: float | None = None
    groups: Sequence[Group] = ()
    layer_decay: float | None = None
    weight_decay: WeightDecay | None = None
    average: WeightAverage | None = None
    skip_bad_steps: int = 0

    def __post_init__(self):
        bounds = [group.clip_global_norm for group in self.groups]
        if self.clip_global_norm is not None and any(bounds):
            raise ValueError(
                "Gradients are clipped together or by group. Received: clip_global_norm="
                f"{self.clip_global_norm}, groups with {bounds}. Give one of the two."
            )
