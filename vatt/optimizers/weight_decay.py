"""Decoupled weight decay that spares norms, biases and positions."""

import dataclasses
import re
from collections.abc import Sequence

import gin

# Parts of the paths of variables that decay would only harm: they are few, and their size means something.
SPARED = ("bias", "beta", "gamma", "scale", "position", "norm")


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class WeightDecay:
    """Decoupled weight decay (Loshchilov and Hutter 2019): weight ← (1 − learning rate · `rate`) · weight,
    then the optimizer's own rule. With Adam this is AdamW.

    Args:
        rate: share of a weight taken off at each step, times the learning rate.
        spared: regular expressions; a variable whose path holds one of them is not decayed.
    """

    rate: float
    spared: Sequence[str] = SPARED

    def __post_init__(self):
        if self.rate < 0:
            raise ValueError(f"`rate` must not be negative. Received: rate={self.rate}.")

    def spares(self, path: str) -> bool:
        """Whether the variable of this path is left alone."""
        return any(re.search(part, path) for part in self.spared)
