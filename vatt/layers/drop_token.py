"""DropToken: train on a random part of the tokens (paper 3.1.1)."""

from typing import Any

import gin
import keras
from keras import ops

from vatt.layers import draws
from vatt.layers.configured import Configured
from vatt.protocols import Tensor

PATTERNS = ("per_sample", "per_batch")


def tokens_kept(tokens: int, rate: float, round_to: int = 0) -> int:
    """Tokens that DropToken keeps of `tokens`: round((1 − rate) · tokens), at least one.

    With `round_to` above 1 and a rate above 0 it is the number nearest to that which with AGG is a multiple
    of `round_to`, as far as there is one.
    """
    kept = max(1, round((1 - rate) * tokens))
    if not rate or round_to < 2:
        return kept
    sequences = [round_to * times - 1 for times in range(1, (tokens + 1) // round_to + 1)]
    return min((each for each in sequences if each), key=lambda each: abs(each - kept), default=kept)


@gin.register
@keras.saving.register_keras_serializable("vatt")
class DropToken(Configured, keras.layers.Layer):
    """Keeps a random subset of the tokens in training, in their order; the identity otherwise.

    Args:
        rate: share of tokens dropped, float in [0, 1).
        pattern: "per_sample" draws a subset for each sample (the paper's "from each input sequence"),
            "per_batch" one for all (original release).
        round_to: keep such a number that tokens and AGG together are a multiple of it, such as 64, which
            matrix units like: the nearest to what the rate says. 0 and 1 keep the rate's number.

    Input: [B, N, D], positions already added. Output: [B, tokens_kept(N, rate, round_to), D].
    """

    def __init__(
        self,
        *,
        rate: float = 0.5,
        pattern: str = "per_sample",
        round_to: int = 0,
        name: str = "drop_token",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if not 0 <= rate < 1:
            raise ValueError(f"`rate` must be in [0, 1); 0 drops nothing. Received: rate={rate}.")
        if pattern not in PATTERNS:
            raise ValueError(f"`pattern` must be one of {PATTERNS}. Received: pattern={pattern!r}.")
        if round_to < 0:
            raise ValueError(f"`round_to` must be at least 0, which rounds nothing. Received: {round_to}.")
        self.rate = rate
        self.pattern = pattern
        self.round_to = round_to

    def build(self, input_shape: Any = None) -> None:
        self._salt = draws.salt_of(self)

    @property
    def clip_salt(self) -> int | None:
        """Of draws by a clip's key alone; None where they depend on its tokens or on other clips."""
        return self._salt if self.pattern == "per_sample" else None

    def call(self, tokens: Tensor, training: bool = False) -> Tensor:
        kept = self.kept_indices(tokens, training=training)
        return tokens if kept is None else take_tokens(tokens, kept)

    def kept_indices(self, patches: Tensor, steps: int = 1, *, training: bool) -> Tensor | None:
        """Indices of the kept tokens, int32 [B, kept], rising; None where all are kept.

        Args:
            patches: what the tokens are made of, [B, N, values], the first axis of a patch being time.
            steps: size of a patch along time.
            training: whether anything is dropped.
        """
        if not training or not self.rate:
            return None
        return self.lowest(self.ranks(patches, steps))

    def lowest(self, ranks: Tensor) -> Tensor:
        """Indices of the lowest of ranks [B, N], as many as are kept, int32, rising."""
        kept = ops.argsort(ranks, axis=-1)[:, : tokens_kept(ranks.shape[1], self.rate, self.round_to)]
        return ops.cast(ops.sort(kept, axis=-1), "int32")

    def ranks(self, patches: Tensor, steps: int) -> Tensor:
        """Keys [B, N] by which the lowest are kept: a row's subset is uniform among all of its size."""
        draw = draws.uniform((ops.shape(patches)[0], patches.shape[1]), salt=self._salt)
        return ops.broadcast_to(draw[:1], ops.shape(draw)) if self.pattern == "per_batch" else draw


def take_tokens(tokens: Tensor, kept: Tensor) -> Tensor:
    """Rows `kept` [B, K] of tokens [B, N, D] -> [B, K, D].

    Whole rows of the flattened batch are copied; `take_along_axis` would index every single feature.
    """
    batch, length, width = ops.shape(tokens)[0], tokens.shape[1], tokens.shape[2]
    rows = kept + length * ops.arange(batch, dtype=kept.dtype)[:, None]
    return ops.take(ops.reshape(tokens, (-1, width)), rows, axis=0)
