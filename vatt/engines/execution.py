"""How an engine computes a step: the way to the gradients, compilation, the notice of a platform.

Settings alone, which every engine reads; each of them says in its own folder how it follows them.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import gin


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class WholeBatch:
    """One forward and one backward pass over all rows of a replica."""

    def check(self, loss: Callable, model: Any = None) -> None:
        """Serves every loss and every model."""


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class Accumulated:
    """Gradients are averaged over equal parts of a replica's rows, for supervised losses.

    Equal to the whole batch where the loss is a mean over rows and rows do not see each other; what a loss
    counts over the batch (`MultiLabelLoss`) is counted before it is parted. A loss that compares rows would
    miss those of other parts, and is refused: `Cached` is its way.

    Args:
        parts: number of parts, which divides a replica's rows.
    """

    parts: int

    def check(self, loss: Callable, model: Any = None) -> None:
        """Raises `ValueError` for a loss that compares the rows of a batch, or a model that mixes them."""
        _check_rows_are_independent(self, model)
        if getattr(loss, "compares_rows", False):
            raise ValueError(
                "`Accumulated` is for losses that score each row by itself; one that compares the rows of a "
                f"batch would lose the negatives of the other parts. Received: parts={self.parts} with "
                f"`{type(loss).__name__}`. Set `Execution.gradients = @Cached()` with `Cached.rows`, the "
                "rows to encode at a time: it gives the whole batch's gradients."
            )


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class Cached:
    """Encodes a few rows at a time through cached features, for contrastive losses over batches larger than
    memory (Gao et al. 2021: GradCache).

    Gives the loss and the gradients of the whole batch with the activations of a few rows, and costs one more
    forward pass. The model needs `encode` and `project` (see `VATT`), the loss may use what
    `project` gives, and what `encode` does to a row must not depend on other rows: batch normalisation
    inside a ConvNet is refused unless it is frozen, and DropToken "per_batch" draws one pattern per chunk
    here.

    Args:
        rows: rows of a chunk, which divides a replica's rows.
    """

    rows: int

    def check(self, loss: Callable, model: Any = None) -> None:
        """Serves every loss that reads what `project` gives; raises `ValueError` for a model that mixes rows
        before it.
        """
        _check_rows_are_independent(self, model)


Gradients = WholeBatch | Accumulated | Cached


def _check_rows_are_independent(settings: Gradients, model: Any) -> None:
    if getattr(model, "mixes_rows", False):
        raise ValueError(
            "Rows can be computed in parts only where they do not depend on each other. Batch normalisation "
            "inside a ConvNet would have statistics of a part, not of the batch, and update its moving ones "
            f"several times a step. Received: `{type(settings).__name__}` with such a model. Use "
            "`WholeBatch` with more devices (statistics are those of all of them) or a smaller batch, or "
            "freeze the statistics: `I3D.frozen = True`, `ResNet.frozen = True`."
        )


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class Preemption:
    """Ends a run after a checkpoint when the platform announces that it takes the machine away.

    Args:
        grace_seconds: between notice and end: a checkpoint at once, training continues, and another just
            before the end. None is what the platform has: an hour on Google Cloud with GPUs, else nothing:
            one step more, a checkpoint, the end.
    """

    grace_seconds: float | None = None


@gin.register
@dataclasses.dataclass(frozen=True, kw_only=True)
class Execution:
    """How steps are computed.

    Args:
        gradients: `WholeBatch`, or for batches larger than memory `Cached` (contrastive losses) or
            `Accumulated` (supervised losses).
        steps_per_loop: steps of one call, between which Python does nothing; divides the other intervals.
            None: on CPUs 1; on GPUs and TPUs as many as take about a second, by the newest line of the
            journal, up to the next line, checkpoint or evaluation, which come after the same steps as with 1.
        jit_compile: let XLA compile the step on one device, on several the towers, which hold no collective;
            None: on GPUs, as far as that is possible. A TPU always compiles all.
        host_drop_token: choose the patches that DropToken keeps where clips are made, and send no others to
            the devices: the same draws and losses in fewer bytes. A signal of which that can not be done is
            sent whole, which the log says.
        deterministic: on GPUs, use kernels whose sums have a fixed order, for repeated runs equal to the bit;
            they are slower, by how much was not measured. TensorFlow's engine alone.
        preemption: handles the notice of a platform; None handles SIGTERM alone.
    """

    gradients: WholeBatch | Accumulated | Cached = WholeBatch()  # noqa: RUF009 (frozen)
    steps_per_loop: int | None = None
    jit_compile: bool | None = None
    host_drop_token: bool = False
    deterministic: bool = False
    preemption: Preemption | None = None
