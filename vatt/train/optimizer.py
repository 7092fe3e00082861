"""The optimizers that a configuration can name; each is Keras's own, with the parameters this project uses.

Clipping is not among them: Keras clips before gradients are summed over replicas, the step clips after
(`train.clip_global_norm`).
"""

import gin
import keras


@gin.register
def adam(*, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Adam. `learning_rate`: a number or a schedule of `vatt/train/schedules.py`."""
    return keras.optimizers.Adam(learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)


@gin.register
def adamw(
    *,
    learning_rate,
    weight_decay,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-7,
    spared=("bias", "beta", "gamma", "scale", "position", "norm"),
):
    """Adam with decoupled weight decay.

    Args:
        learning_rate: a number or a schedule.
        weight_decay: share of a weight taken off at each step, times the learning rate.
        beta_1, beta_2, epsilon: as in Adam.
        spared: parts of variable paths that are not decayed: biases, normalisations, positions.
    """
    optimizer = keras.optimizers.AdamW(
        learning_rate, weight_decay=weight_decay, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon
    )
    optimizer.exclude_from_weight_decay(var_names=list(spared))
    return optimizer


@gin.register
def sgd(*, learning_rate, momentum=0.9, nesterov=False):
    """Stochastic gradient descent; momentum 0.9 is the paper's fine-tuning (A.2.5)."""
    return keras.optimizers.SGD(learning_rate, momentum=momentum, nesterov=nesterov)
