"""The nouns of this project and the one thing each must do.

Implementations live one per file in the folder of their noun; they meet only in `vatt/train`, which receives
them already built. Anything with the right methods fits: nothing needs to inherit from these classes.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

Batch = dict[str, Any]  # key of vatt.spec -> tensor
Outputs = dict[str, Any]  # "video/pooled", "video/video_audio", ... -> tensor


class Dataset(Protocol):
    """Clips on disk, ready to be iterated."""

    name: str

    def train_batches(self, *, batch_size: int, first_step: int, seed: int) -> Iterable[Batch]:
        """An endless `tf.data.Dataset` of global batches; batch number n (from 0) is a pure function of
        (seed, n), and iteration starts at n = `first_step`."""

    def eval_batches(self, *, batch_size: int) -> Iterable[Batch]:
        """A `tf.data.Dataset` of every example once, in fixed order; the last is padded, see `valid`."""


class Model(Protocol):
    """Encodes any subset of the modalities."""

    def __call__(self, inputs: Batch, training: bool = False) -> Outputs:
        """`inputs`: video float32 [B, T, H, W, 3] in [-1, 1], audio float32 [B, S], text int32 [B', L]."""


class Loss(Protocol):
    """Scores one batch of embeddings."""

    def __call__(self, outputs: Outputs, batch: Batch, gather: Callable) -> dict[str, Any]:
        """Scalars by name; "loss" is this replica's share. `gather` makes local rows global, in order."""


class Evaluator(Protocol):
    """Measures a model on data of its own."""

    name: str

    def evaluate(self, model: Model) -> dict[str, float]:
        """Named numbers, prefixed with the evaluator's name."""
