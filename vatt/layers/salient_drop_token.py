"""DropToken that keeps what moves and what is heard (ours; the paper's DropToken draws uniformly, 3.1.1)."""

from typing import Any

import gin
import keras
from keras import ops

from vatt.layers import draws
from vatt.layers.drop_token import DropToken
from vatt.protocols import Tensor

_TINY = 2.0**-25  # half of the smallest step of a draw: no draw is 0


@gin.register
@keras.saving.register_keras_serializable("vatt")
class SalientDropToken(DropToken):
    """Keeps tokens in training with probabilities that follow the energy of their patches.

    The energy of a patch is the variance of its values over the patch's time, mean over all else: motion of
    voxels, audio of a waveform. Without replacement, each next token is drawn with probability (1 − floor) ·
    energy / Σ energy + floor / N among those that are left (Gumbel top-k). Their number is `DropToken`'s.

    Args:
        rate: share of tokens dropped, float in [0, 1).
        floor: share of the probability that is even; in (0, 1], 1 is `DropToken`.
        in_evaluation: whether evaluation, and all that uses the trained model, keeps as many tokens by one
            draw for all clips. Most quiet tokens are new to a model that was trained without them.
        round_to: see `DropToken`.

    Input: patches [B, N, values of a patch], time first.
    """

    def __init__(
        self,
        *,
        rate: float = 0.75,
        floor: float = 0.2,
        in_evaluation: bool = False,
        round_to: int = 0,
        name: str = "drop_token",
        dtype: Any = None,
    ):
        super().__init__(rate=rate, round_to=round_to, name=name, dtype=dtype)
        if not 0 < floor <= 1:
            raise ValueError(f"`floor` must be in (0, 1]; 1 ignores energies. Received: floor={floor}.")
        self.floor = floor
        self.in_evaluation = in_evaluation

    @property
    def clip_salt(self) -> None:
        """A host cannot choose: tokens are chosen by their energy."""
        return None

    def kept_indices(self, patches: Tensor, steps: int = 1, *, training: bool) -> Tensor | None:
        """See `DropToken`."""
        if training or not self.in_evaluation or not self.rate:
            return super().kept_indices(patches, steps, training=training)
        with draws.keyed(ops.zeros((ops.shape(patches)[0], 2), "int32")):
            return self.lowest(self.ranks(patches, steps))

    def ranks(self, patches: Tensor, steps: int) -> Tensor:
        """Keys by which the lowest are kept: −(log probability + Gumbel noise)."""
        batch, tokens = ops.shape(patches)[0], patches.shape[1]
        energy = energies(patches, steps)
        total = ops.sum(energy, axis=1, keepdims=True)
        share = ops.where(total > 0, energy / ops.where(total > 0, total, 1.0), 1 / tokens)
        draw = draws.uniform((batch, tokens), salt=self._salt) + _TINY
        return ops.log(-ops.log(draw)) - ops.log((1 - self.floor) * share + self.floor / tokens)


def energies(patches: Tensor, steps: int) -> Tensor:
    """Variance over time of patches [B, N, steps · rest], mean over the rest, float32 [B, N]."""
    values = ops.cast(patches, "float32")
    values = ops.reshape(values, (-1, values.shape[1], steps, values.shape[2] // steps))
    return ops.mean(ops.square(values - ops.mean(values, axis=2, keepdims=True)), axis=(2, 3))
