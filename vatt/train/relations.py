"""Relations between the numbers of a training run, checked before anything is built."""

from collections.abc import Mapping
from typing import Any

from vatt.engines.rows import check_rows, multiple

_SECONDS_OF_A_CALL = 1.0  # of several steps, chosen automatically: Ctrl-C waits for it
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


def automatic_steps_per_loop(step_seconds: float) -> int:
    """The most steps of a call on GPUs and TPUs, where a step takes this time."""
    return max(1, int(_SECONDS_OF_A_CALL / step_seconds))


def intervals_of(numbers: Mapping[str, Any]) -> list[int]:
    """Steps between two lines, checkpoints, evaluations and batch summaries, of those that are due at all.

    Takes what `check_relations` does, or the fields of a `Trainer`.
    """
    return [each for each in (_of(numbers, path) for path in _INTERVALS) if each]


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


def _of(numbers: Mapping[str, Any], path: tuple[str, ...]) -> int | None:
    value: Any = numbers
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
    return value


def _named(path: tuple[str, ...]) -> str:
    """As one would bind it."""
    *_, group, name = path
    return f"{_CLASSES[name if group == 'gradients' else group]}.{name}"


def _check_count(name: str, number: int | None) -> None:
    if number is not None and number < 1:
        raise ValueError(f"`{name}` must be at least 1. Received: {number}.")


def _check_multiple(path: tuple[str, ...], number: int | None, of: str, unit: int | None) -> None:
    if number is not None and unit is not None and number % unit:
        raise ValueError(
            f"`{_named(path)}` must be a multiple of `{of}`. Received: {_named(path)}={number}, {of}={unit}. "
            f"Use {multiple(number, unit)}."
        )
