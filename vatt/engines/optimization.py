"""What the update does to the weights besides the optimizer's rule: bounds on gradients, learning rates by
group and layer, decay, the average.

Settings alone, which every engine reads.
"""

import dataclasses
from collections.abc import Sequence

import gin

from vatt.engines.groups import Group, group_numbers, layer_factors
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

    def __post_init__(self) -> None:
        if not 0 <= self.decay < 1:
            raise ValueError(f"`decay` must be in [0, 1). Received: decay={self.decay}.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PerVariable:
    """What an `Optimization` says of each of V variables, in their order.

    Args:
        learning_rate_factors: V factors of the schedule's learning rate; 0 leaves a variable alone.
        decays: V shares that decoupled weight decay takes off, times the learning rate.
        bounds: of the norms of sets of gradients; None where a set has none.
        sets: V numbers of sets, of which gradient is in which.
    """

    learning_rate_factors: Sequence[float]
    decays: Sequence[float]
    bounds: Sequence[float | None]
    sets: Sequence[int]


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

    def __post_init__(self) -> None:
        bounds = [group.clip_global_norm for group in self.groups]
        if self.clip_global_norm is not None and any(bounds):
            raise ValueError(
                "Gradients are clipped together or by group. Received: clip_global_norm="
                f"{self.clip_global_norm}, groups with {bounds}. Give one of the two."
            )

    def per_variable(self, paths: Sequence[str]) -> PerVariable:
        """What this says of the variables of these paths."""
        groups = group_numbers(self.groups, paths)
        factors = [*(group.learning_rate_factor for group in self.groups), 1.0]
        layers = [1.0] * len(paths) if self.layer_decay is None else layer_factors(paths, self.layer_decay)
        decay = self.weight_decay
        together = self.clip_global_norm is not None  # one bound for whatever there is
        return PerVariable(
            learning_rate_factors=[factors[group] * layer for group, layer in zip(groups, layers)],
            decays=[0.0 if decay is None or decay.spares(path) else decay.rate for path in paths],
            bounds=[self.clip_global_norm]
            if together
            else [*(group.clip_global_norm for group in self.groups), None],
            sets=[0] * len(paths) if together else groups,
        )
