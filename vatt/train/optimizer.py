"""The optimizers that a configuration can name, with the parameters this project uses.

`learning_rate` is a number or a schedule of `vatt/train/schedules.py`. Clipping is not among the parameters:
Keras clips before gradients are summed over replicas, the step clips after (`train.clip_global_norm`,
`Group`).
"""

import gin

from vatt.train.adam import Adam
from vatt.train.lamb import Lamb
from vatt.train.weight_decay import SGDW, SPARED, AdamW


@gin.register
def adam(*, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Adam, the paper's for pre-training (A.2.4)."""
    return Adam(learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)


@gin.register
def adamw(*, learning_rate, weight_decay, beta_1=0.9, beta_2=0.999, epsilon=1e-7, spared=SPARED):
    """Adam with decoupled weight decay; `weight_decay` and `spared` as in `SparingDecay`."""
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
    """LAMB, for very large batches; `weight_decay` and `spared` as in `SparingDecay`, the defaults its
    authors'.
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

    `weight_decay` and `spared` as in `SparingDecay`.
    """
    return SGDW(
        decay=weight_decay,
        spared=spared,
        learning_rate=learning_rate,
        momentum=momentum,
        nesterov=nesterov,
    )
