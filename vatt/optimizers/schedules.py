"""Learning rate over the steps of a run: linear warm-up, then a curve or several.

A schedule is a pure function of the step number that the optimizer counts, so that it needs no state of its
own. The first step has number 0 and, after a warm-up from 0, learns nothing, as in the original release.
"""

import math
from collections.abc import Sequence
from typing import Any

import gin
import keras
from keras import ops

# share of the way, 0 … 1 -> height between the end and the peak, 1 … 0
CURVES = {
    "quarter_cosine": lambda progress: ops.cos(0.5 * math.pi * progress),  # ends steeply
    "half_cosine": lambda progress: 0.5 * (1.0 + ops.cos(math.pi * progress)),  # ends flat
    "linear": lambda progress: 1.0 - progress,
}


class WarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Linear from 0 to `peak` over the warm-up, then along a curve from `peak` to `end`.

    Args:
        peak: learning rate at the end of the warm-up.
        end: learning rate after `steps`, kept from there on.
        warmup_steps: steps of the warm-up; 0 starts at the peak.
        steps: steps of the whole run, warm-up included. A run shorter than its warm-up never reaches the
            peak.
        curve: one of `CURVES`.
    """

    def __init__(self, *, peak: float, end: float, warmup_steps: int, steps: int, curve: str):
        super().__init__()
        if warmup_steps < 0 or steps < 1:
            raise ValueError(
                "`warmup_steps` must not be negative and `steps` must be positive. "
                f"Received: warmup_steps={warmup_steps}, steps={steps}."
            )
        if curve not in CURVES:
            raise ValueError(f"`curve` must be one of {tuple(CURVES)}. Received: curve={curve!r}.")
        self.peak = peak
        self.end = end
        self.warmup_steps = warmup_steps
        self.steps = steps
        self.curve = curve

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        # Neither segment has length zero here, so that no step divides by it.
        warmup = self.peak * step / max(self.warmup_steps, 1)
        progress = ops.clip((step - self.warmup_steps) / max(self.steps - self.warmup_steps, 1), 0.0, 1.0)
        decayed = self.end + (self.peak - self.end) * CURVES[self.curve](progress)
        return ops.where(step < self.warmup_steps, warmup, decayed)

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "end": self.end,
            "warmup_steps": self.warmup_steps,
            "steps": self.steps,
            "curve": self.curve,
        }


class Levels(keras.optimizers.schedules.LearningRateSchedule):
    """Linear from 0 to the first level, then half a cosine from each level to the next, the last one kept.

    Args:
        levels: learning rates.
        steps: the step at which each is reached, rising; the first may be 0.
    """

    def __init__(self, *, levels: Sequence[float], steps: Sequence[int]):
        super().__init__()
        rising = all(before < after for before, after in zip(steps, steps[1:]))
        if not levels or len(levels) != len(steps) or not rising or steps[0] < 0:
            raise ValueError(
                "Each level needs a step of its own, and steps must rise from 0 or more. "
                f"Received: levels={tuple(levels)}, steps={tuple(steps)}."
            )
        self.levels = tuple(levels)
        self.steps = tuple(steps)

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        rate = self.levels[0] * ops.clip(step / max(self.steps[0], 1), 0.0, 1.0)
        if self.steps[0] == 0:
            rate = ops.full_like(step, self.levels[0])
        for number, (begin, end) in enumerate(zip(self.steps, self.steps[1:])):
            high, low = self.levels[number : number + 2]
            progress = ops.clip((step - begin) / (end - begin), 0.0, 1.0)
            rate = ops.where(step >= begin, low + (high - low) * CURVES["half_cosine"](progress), rate)
        return rate

    def get_config(self) -> dict[str, Any]:
        return {"levels": self.levels, "steps": self.steps}


@gin.register
def warmup_quarter_cosine(
    *, steps: int, peak: float = 1e-4, end: float = 5e-5, warmup_steps: int = 10_000
) -> WarmupDecay:
    """The paper's pre-training schedule (A.2.4): end + (peak - end)·cos(π/2·p), p = 0 … 1 after warm-up.

    Args:
        steps: steps of the whole run, warm-up included; `end` is kept from there on.
        peak: learning rate at the end of the warm-up.
        end: learning rate after `steps`.
        warmup_steps: steps of the linear warm-up from 0; 0 starts at the peak.
    """
    return WarmupDecay(peak=peak, end=end, warmup_steps=warmup_steps, steps=steps, curve="quarter_cosine")


@gin.register
def warmup_half_cosine(
    *, steps: int, peak: float, end: float = 0.0, warmup_steps: int = 2_500
) -> WarmupDecay:
    """The paper's fine-tuning schedule (A.2.5): end + (peak - end)·(1 + cos(π·p))/2, p = 0 … 1 after
    warm-up.

    Args:
        steps: steps of the whole run, warm-up included; `end` is kept from there on.
        peak: learning rate at the end of the warm-up.
        end: learning rate after `steps`.
        warmup_steps: steps of the linear warm-up from 0; 0 starts at the peak.
    """
    return WarmupDecay(peak=peak, end=end, warmup_steps=warmup_steps, steps=steps, curve="half_cosine")


@gin.register
def warmup_linear(*, steps: int, peak: float, end: float = 0.0, warmup_steps: int = 0) -> WarmupDecay:
    """A straight line from the peak to the end: end + (peak - end)·(1 - p), p = 0 … 1 after warm-up.

    Args:
        steps: steps of the whole run, warm-up included; `end` is kept from there on.
        peak: learning rate at the end of the warm-up.
        end: learning rate after `steps`.
        warmup_steps: steps of the linear warm-up from 0; 0 starts at the peak.
    """
    return WarmupDecay(peak=peak, end=end, warmup_steps=warmup_steps, steps=steps, curve="linear")


@gin.register
def step_cosine(*, levels: Sequence[float] = (1e-4, 5e-5), steps: Sequence[int] = (5_000, 500_000)) -> Levels:
    """The release's schedule, by default that of its pre-training. Its own is NaN after the last step.

    Args:
        levels: learning rates; half a cosine leads from each to the next, and the last one is kept.
        steps: the step at which each is reached, rising; to the first leads a linear warm-up from 0.
    """
    return Levels(levels=levels, steps=steps)


@gin.register
def constant(*, peak: float, warmup_steps: int = 0) -> WarmupDecay:
    """`peak` from the end of the linear warm-up on.

    Args:
        peak: learning rate.
        warmup_steps: steps of the linear warm-up from 0; 0 starts at the peak.
    """
    return WarmupDecay(
        peak=peak, end=peak, warmup_steps=warmup_steps, steps=max(warmup_steps, 1), curve="half_cosine"
    )
