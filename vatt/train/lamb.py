"""LAMB: Adam whose step has, layer by layer, the size of the weights (You et al. 2020, algorithm 2), for
batches of tens of thousands.

Keras's own takes weight decay off before, and scales biases and norms as well; here decay is part of the step
that is scaled, and what is spared from decay is spared from scaling, as in the authors' code.
"""

import keras
from keras import ops

from vatt.train.weight_decay import SparingDecay


class Lamb(SparingDecay, keras.optimizers.Adam):
    """r = m̂ / (√v̂ + ε) + decay · w; w ← w − learning rate · ‖w‖ / ‖r‖ · r, the ratio being 1 where a norm
    is 0.

    Args: those of `SparingDecay` and of Keras's Adam.
    """

    def update_step(self, gradient, variable, learning_rate):
        gradient = ops.cast(gradient, variable.dtype)
        index = self._get_variable_index(variable)
        step = ops.cast(self.iterations + 1, variable.dtype)
        mean, square = self._momentums[index], self._velocities[index]
        self.assign_add(mean, (gradient - mean) * (1 - self.beta_1))
        self.assign_add(square, (ops.square(gradient) - square) * (1 - self.beta_2))
        mean_hat = mean / (1 - ops.power(ops.cast(self.beta_1, variable.dtype), step))
        square_hat = square / (1 - ops.power(ops.cast(self.beta_2, variable.dtype), step))
        change = mean_hat / (ops.sqrt(square_hat) + self.epsilon)
        if self._decayed[index]:
            change = change + self.decay * variable
            sizes = ops.norm(ops.reshape(variable, (-1,))), ops.norm(ops.reshape(change, (-1,)))
            usable = ops.logical_and(sizes[0] > 0, sizes[1] > 0)
            change = change * ops.where(usable, sizes[0] / ops.where(usable, sizes[1], 1.0), 1.0)
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * change)
