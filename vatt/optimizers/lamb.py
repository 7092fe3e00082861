"""LAMB: Adam whose step has, layer by layer, the size of the weights (You et al. 2020, algorithm 2), for
batches of tens of thousands.

Keras's own takes weight decay off before, and scales biases and norms as well; here decay is part of the step
that is scaled, and what is spared from decay is spared from scaling, as in the authors' code.
"""

from collections.abc import Sequence
from typing import Any

from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from vatt.optimizers.adam import Adam
from vatt.optimizers.weight_decay import WeightDecay


class Lamb(Adam):
    """r = m̂ / (√v̂ + ε) + decay · w; w ← w − learning rate · ‖w‖ / ‖r‖ · r, the ratio being 1 where a norm
    is 0.

    Args:
        learning_rate: a number or a schedule.
        decay: part of the step that is scaled; which variables are scaled.
        options: of `Adam`.
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule,
        *,
        decay: WeightDecay,
        name: str = "lamb",
        **options: float,
    ):
        super().__init__(learning_rate, name=name, **options)
        self.decay = decay

    def build(self, variables: Sequence[Any]) -> None:
        """Makes a mean and a mean square for each variable, at 0."""
        super().build(variables)
        self._scaled = [not self.decay.spares(variable.path) for variable in variables]

    def step_size(self, learning_rate: Any) -> Any:
        """The learning rate: `change` corrects the moments, whose ratio is scaled."""
        return learning_rate

    def change(self, index: int, gradient: Any, variable: Any, step_size: Any) -> None:
        """One step of variable number `index` of those it was built for."""
        gradient = ops.cast(gradient, variable.dtype)
        step = ops.cast(self.iterations + 1, variable.dtype)
        mean, square = self.means[index], self.squares[index]
        self.assign_add(mean, (gradient - mean) * (1 - self.beta_1))
        self.assign_add(square, (ops.square(gradient) - square) * (1 - self.beta_2))
        mean_hat = mean / (1 - ops.power(ops.cast(self.beta_1, variable.dtype), step))
        square_hat = square / (1 - ops.power(ops.cast(self.beta_2, variable.dtype), step))
        change = mean_hat / (ops.sqrt(square_hat) + self.epsilon)
        if self._scaled[index]:
            change = change + self.decay.rate * variable
            sizes = ops.norm(ops.reshape(variable, (-1,))), ops.norm(ops.reshape(change, (-1,)))
            usable = ops.logical_and(sizes[0] > 0, sizes[1] > 0)
            change = change * ops.where(usable, sizes[0] / ops.where(usable, sizes[1], 1.0), 1.0)
        self.assign_sub(variable, ops.cast(step_size, variable.dtype) * change)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"decay": self.decay}
