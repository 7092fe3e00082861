"""The optimizers that a configuration can name, with the parameters this project uses.

Clipping and decoupled weight decay are not among the parameters: Keras clips before gradients are summed over
replicas, the step clips after (`Optimization.clip_global_norm`, `Group`), and decay is the same for each
(`Optimization.weight_decay`).
"""

from collections.abc import Sequence

import gin
import keras
from keras.optimizers.schedules import LearningRateSchedule

from vatt.optimizers.adam import Adam
from vatt.optimizers.lamb import Lamb
from vatt.optimizers.weight_decay import SPARED, WeightDecay


@gin.register
def adam(
    *,
    learning_rate: float | LearningRateSchedule,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
) -> Adam:
    """Adam, the paper's for pre-training (A.2.4); with `Optimization.weight_decay` it is AdamW.

    Args:
        learning_rate: a number, or a schedule of `vatt/optimizers/schedules.py`.
        beta_1, beta_2: decay of the running means of the gradients and of their squares, in [0, 1).
        epsilon: added to the root of the second, so that nothing divides by 0.
    """
    return Adam(learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)


@gin.register
def lamb(
    *,
    learning_rate: float | LearningRateSchedule,
    weight_decay: float = 0.01,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-6,
    spared: Sequence[str] = SPARED,
) -> Lamb:
    """LAMB, for very large batches (You et al. 2020); the defaults are its authors'.

    Args:
        learning_rate: a number, or a schedule of `vatt/optimizers/schedules.py`.
        weight_decay: share of a weight added to its step before the step is scaled.
        beta_1, beta_2: decay of the running means of the gradients and of their squares, in [0, 1).
        epsilon: added to the root of the second, so that nothing divides by 0.
        spared: regular expressions; a variable whose path holds one of them is neither decayed nor scaled.
    """
    decay = WeightDecay(rate=weight_decay, spared=spared)
    return Lamb(learning_rate, decay=decay, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)


@gin.register
def muon(
    *,
    learning_rate: float | LearningRateSchedule,
    momentum: float = 0.95,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    adam_for: Sequence[str] = ("table", "position", "/head/", "/spaces/"),
) -> keras.optimizers.Optimizer:
    """Keras's Muon (Jordan et al. 2024; Liu et al. 2025): steps of the matrices are made orthogonal,
    everything else is trained by Adam at the same learning rate.

    Args:
        learning_rate: a number, or a schedule of `vatt/optimizers/schedules.py`.
        momentum: of the matrices' gradients.
        beta_1, beta_2, epsilon: of Adam.
        adam_for: regular expressions; a matrix whose path holds one of them is trained by Adam too, such as
            tables and the last map.
    """
    return keras.optimizers.Muon(
        learning_rate,
        momentum=momentum,
        adam_beta_1=beta_1,
        adam_beta_2=beta_2,
        epsilon=epsilon,
        weight_decay=None,
        adam_weight_decay=None,
        exclude_layers=list(adam_for),
    )


@gin.register
def sgd(*, learning_rate: float | LearningRateSchedule, momentum: float = 0.9) -> keras.optimizers.Optimizer:
    """Stochastic gradient descent; momentum 0.9 is the paper's fine-tuning (A.2.5).

    Args:
        learning_rate: a number, or a schedule of `vatt/optimizers/schedules.py`.
        momentum: share of the step before that is added to a step, in [0, 1].
    """
    return keras.optimizers.SGD(learning_rate, momentum=momentum)
