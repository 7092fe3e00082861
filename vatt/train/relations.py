"""Relations between the numbers of a training run, checked before anything is built."""

from collections.abc import Mapping
from typing import Any

_INTERVALS = (
    ("checkpoints", "every"),
    ("checkpoints", "keep_every"),
    ("evaluation", "every"),
    ("logging", "every"),
    ("logging", "summary_every"),
)
_COUNTS = (
    *_INTERVALS,
    ("checkpoints", "keep"),
    ("execution", "steps_per_loop"),
    ("execution", "gradients", "rows"),
    ("execution", "gradients", "parts"),
)
_CLASSES = {
    "checkpoints": "Checkpoints",
    "evaluation": "Evaluation",
    "logging": "Logging",
    "execution": "Execution",
    "rows": "Cached",
    "parts": "Accumulated",
}


def check_relations(numbers: Mapping[str, Any], *, replicas: int) -> None:
    """Raises where numbers of `Trainer` contradict each other.

    Args:
        numbers: by the names of its arguments, in a dict for each argument that is an object of settings;
            None if not requested.
        replicas: devices that share a step.
    """
    for name in ("steps", "batch_size"):
        _check_count(f"Trainer.{name}", numbers[name])
    for path in _COUNTS:
        _check_count(_named(path), _of(numbers, path))
    steps_per_loop = numbers["execution"]["steps_per_loop"]
    for path in _INTERVALS:
        _check_multiple(path, _of(numbers, path), "Execution.steps_per_loop", steps_per_loop)
    checkpoints = numbers["checkpoints"]
    _check_multiple(
        ("checkpoints", "keep_every"), checkpoints["keep_every"], "Checkpoints.every", checkpoints["every"]
    )
    check_rows(numbers["batch_size"], numbers["execution"]["gradients"], replicas=replicas)


def check_rows(batch_size: int, gradients: Mapping[str, int], *, replicas: int) -> None:
    """Raises where a batch can not be divided.

    Args:
        batch_size: rows of a global batch.
        gradients: "rows" of `Cached`, "parts" of `Accumulated`, or neither.
        replicas: among which it is divided.
    """
    if batch_size % replicas:
        raise ValueError(
            "`Trainer.batch_size` must be a multiple of the number of replicas. Received: "
            f"batch_size={batch_size}, replicas={replicas}. "
            f"Use {_multiple(batch_size, replicas)}."
        )
    rows = batch_size // replicas
    for name, parts in gradients.items():
        if rows % parts:
            raise ValueError(
                f"`{_CLASSES[name]}.{name}` must divide the rows of each replica. Received: "
                f"{_CLASSES[name]}.{name}={parts}, {rows} rows (batch_size={batch_size}, "
                f"replicas={replicas}). Use {_divisor(parts, rows)}."
            )


def _of(numbers: Mapping[str, Any], path: tuple[str, ...]) -> int | None:
    for name in path:
        numbers = (numbers or {}).get(name)
    return numbers


def _named(path: tuple[str, ...]) -> str:
    """As one would bind it."""
    *_, group, name = path
    return f"{_CLASSES[name if group == 'gradients' else group]}.{name}"


def _check_count(name: str, number: int | None) -> None:
    if number is not None and number < 1:
        raise ValueError(f"`{name}` must be at least 1. Received: {number}.")


def _check_multiple(path: tuple[str, ...], number: int | None, of: str, unit: int) -> None:
    if number is not None and number % unit:
        raise ValueError(
            f"`{_named(path)}` must be a multiple of `{of}`. Received: {_named(path)}={number}, {of}={unit}. "
            f"Use {_multiple(number, unit)}."
        )


def _multiple(number: int, of: int) -> int:
    """The largest multiple up to a number, at least the first."""
    return max(number - number % of, of)


def _divisor(number: int, of: int) -> int:
    """The largest divisor up to a number."""
    return next(each for each in range(min(number, of), 0, -1) if of % each == 0)
