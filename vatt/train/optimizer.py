"""The optimizers that a configuration can name, with the parameters this project uses.

Clipping is not among the parameters: Keras clips before gradients are summed over replicas, the step clips
after (`train.clip_global_norm`, `Group`).
"""

import gin

from vatt.train.adam import Adam
from vatt.train.lamb import Lamb
from vatt.train.weight_decay import SGDW, SPARED, AdamW


@gin.register
def adam(*, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Adam, the paper's for pre-training (A.2.4).

    Args:
        learning_rate: a number, or a schedule of `vatt/train/schedules.py`.
        beta_1, beta_2: decay of the running means of the gradients and of their squares, in [0, 1).
        epsilon: added to the root of the second, so that nothing divides by 0.
    """
    return Adam(learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)


@gin.register
def adamw(*, learning_rate, weight_decay, beta_1=0.9, beta_2=0.999, epsilon=1e-7, spared=SPARED):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019).

    Args:
        learning_rate: a number, or a schedule of `vatt/train/schedules.py`.
        weight_decay: share of a weight taken off at each step, times the learning rate.
        beta_1, beta_2: decay of the running means of the gradients and of their squares, in [0, 1).
        epsilon: added to the root of the second, so that nothing divides by 0.
        spared: regular expressions; a variable whose path holds one of them is not decayed.
    """
    return AdamW(
        decay=weight_decay,
        spared=spared,
        learning_rate=learning_rate,
        beta_1=beta_1,
        beta_2=beta_2,
        epsilon=epsilon,
    )


@gin.register
def lamb(*, learning_rate, weight_decay=0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-6, spared=SPARED):
    """LAMB, for very large batches (You et al. 2020); the defaults are its authors'.

    Args:
        learning_rate: a number, or a schedule of `vatt/train/schedules.py`.
        weight_decay: share of a weight added to its step before the step is scaled.
        beta_1, beta_2: decay of the running means of the gradients and of their squares, in [0, 1).
        epsilon: added to the root of the second, so that nothing divides by 0.
        spared: regular expressions; a variable whose path holds one of them is neither decayed nor scaled.
    """
    return Lamb(
        decay=weight_decay,
        spared=spared,
        learning_rate=learning_rate,
        beta_1=beta_1,
        beta_2=beta_2,
        epsilon=epsilon,
    )


@gin.register
def sgd(*, learning_rate, momentum=0.9, nesterov=False, weight_decay=0.0, spared=SPARED):
    """Stochastic gradient descent; momentum 0.9 is the paper's fine-tuning (A.2.5).

    Args:
        learning_rate: a number, or a schedule of `vatt/train/schedules.py`.
        momentum: share of the step before that is added to a step, in [0, 1].
        nesterov: take the gradient where the momentum would lead (Nesterov).
        weight_decay: share of a weight taken off at each step, times the learning rate.
        spared: regular expressions; a variable whose path holds one of them is not decayed.
    """
    return SGDW(
        decay=weight_decay,
        spared=spared,
        learning_rate=learning_rate,
        momentum=momentum,
        nesterov=nesterov,
    )
