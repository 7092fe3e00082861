"""How the rows of a batch are divided: among replicas, then among the chunks or parts of a replica."""

from collections.abc import Mapping

from vatt.protocols import Batch

_NAMES = {"rows": "Cached.rows", "parts": "Accumulated.parts"}


def rows_of(batch: Batch) -> int:
    """How many rows a batch has, which must be known when a graph is made."""
    rows = next(iter(batch.values())).shape[0]
    if rows is None:
        raise ValueError("A batch must have a known number of rows. Received: one whose number is open.")
    return rows


def check_rows(batch_size: int, gradients: Mapping[str, int], *, replicas: int = 1) -> None:
    """Raises where a batch can not be divided.

    Args:
        batch_size: rows of a global batch, or of one replica.
        gradients: "rows" of `Cached`, "parts" of `Accumulated`, or neither.
        replicas: among which it is divided.
    """
    if batch_size % replicas:
        raise ValueError(
            "`Trainer.batch_size` must be a multiple of the number of replicas. Received: "
            f"batch_size={batch_size}, replicas={replicas}. Use {multiple(batch_size, replicas)}."
        )
    rows = batch_size // replicas
    of = f" (batch_size={batch_size}, replicas={replicas})" if replicas > 1 else ""
    for name, number in gradients.items():
        if rows % number:
            divisor = next(each for each in range(min(number, rows), 0, -1) if rows % each == 0)
            raise ValueError(
                f"`{_NAMES[name]}` must divide the rows of each replica. Received: {_NAMES[name]}={number}, "
                f"{rows} rows{of}. Use {divisor}."
            )


def multiple(number: int, of: int) -> int:
    """The largest multiple up to a number, at least the first."""
    return max(number - number % of, of)
