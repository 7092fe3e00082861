"""Learning rate over the steps of a run: linear warm-up, then a part of a cosine.

The schedule is a pure function of the step number that the optimizer counts, so that it needs no state of
its own.
"""

import math

import gin
import keras
from keras import ops


class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Linear from 0 to `peak` over the warm-up, then along a cosine from `peak` to `end`.

    Args:
        peak: learning rate at the end of the warm-up.
        end: learning rate after `steps`, kept from there on.
        warmup_steps: steps of the warm-up; 0 starts at the peak.
        steps: steps of the whole run, warm-up included. A run shorter than its warm-up never reaches the
            peak.
        quarter_period: follow cos from 0 to π/2 (the paper's pre-training, A.2.4), which ends steeply;
            otherwise from 0 to π (its fine-tuning, A.2.5), which ends flat.
    """

    def __init__(self, *, peak: float, end: float, warmup_steps: int, steps: int, quarter_period: bool):
        super().__init__()
        if warmup_steps < 0 or steps < 1:
            raise ValueError(
                "`warmup_steps` must not be negative and `steps` must be positive. "
                f"Received: warmup_steps={warmup_steps}, steps={steps}."
            )
        self.peak = peak
        self.end = end
        self.warmup_steps = warmup_steps
        self.steps = steps
        self.quarter_period = quarter_period

    def __call__(self, step):
        step = ops.cast(step, "float32")
        # Neither segment has length zero here, so that no step divides by it.
        warmup = self.peak * step / max(self.warmup_steps, 1)
        progress = ops.clip((step - self.warmup_steps) / max(self.steps - self.warmup_steps, 1), 0.0, 1.0)
        if self.quarter_period:
            height = ops.cos(0.5 * math.pi * progress)
        else:
            height = 0.5 * (1.0 + ops.cos(math.pi * progress))
        decayed = self.end + (self.peak - self.end) * height
        return ops.where(step < self.warmup_steps, warmup, decayed)

    def get_config(self):
        return {
            "peak": self.peak,
            "end": self.end,
            "warmup_steps": self.warmup_steps,
            "steps": self.steps,
            "quarter_period": self.quarter_period,
        }


@gin.register
def warmup_quarter_cosine(*, steps: int, peak: float = 1e-4, end: float = 5e-5, warmup_steps: int = 10_000):
    """The paper's pre-training schedule (A.2.4): end + (peak - end)·cos(π/2·p), p = 0 … 1 after warm-up."""
    return WarmupCosine(peak=peak, end=end, warmup_steps=warmup_steps, steps=steps, quarter_period=True)


@gin.register
def warmup_half_cosine(*, steps: int, peak: float, end: float = 0.0, warmup_steps: int = 2_500):
    """The paper's fine-tuning schedule (A.2.5): end + (peak - end)·(1 + cos(π·p))/2, p as above."""
    return WarmupCosine(peak=peak, end=end, warmup_steps=warmup_steps, steps=steps, quarter_period=False)


@gin.register
def constant(*, peak: float, warmup_steps: int = 0):
    """`peak` from the end of the linear warm-up on."""
    return WarmupCosine(
        peak=peak, end=peak, warmup_steps=warmup_steps, steps=max(warmup_steps, 1), quarter_period=False
    )
