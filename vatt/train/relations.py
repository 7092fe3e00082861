"""Relations between the numbers of a training run, checked before anything is built."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

_log = logging.getLogger(__name__)

_INTERVALS = ("checkpoint_every", "log_every", "evaluate_every", "look_every", "keep_every")
_COUNTS = (
    *_INTERVALS,
    "steps",
    "batch_size",
    "steps_per_loop",
    "keep_checkpoints",
    "accumulate",
    "cached_chunk",
)


def checked_by(check: Callable) -> Callable:
    """Decorates a job with what `vatt.run.run` calls before the job's objects are built."""

    def decorate(job: Callable) -> Callable:
        job.check = check
        return job

    return decorate


def check_relations(numbers: Mapping[str, int | float | None], *, replicas: int) -> None:
    """Raises where numbers of `vatt.train.job.train` contradict each other.

    Args:
        numbers: by the names of the job's parameters; None for what is not asked for.
        replicas: devices that share a step.
    """
    for name in _COUNTS:
        if numbers[name] is not None and numbers[name] < 1:
            raise ValueError(f"`train.{name}` must be at least 1. Received: {numbers[name]}.")
    steps_per_loop = numbers["steps_per_loop"]
    for name in _INTERVALS:
        if numbers[name] is not None and numbers[name] % steps_per_loop:
            raise ValueError(
                f"`train.{name}` must be a multiple of `train.steps_per_loop`. Received: {name}="
                f"{numbers[name]}, steps_per_loop={steps_per_loop}. "
                f"Use {_multiple(numbers[name], steps_per_loop)}."
            )
    keep_every, checkpoint_every = numbers["keep_every"], numbers["checkpoint_every"]
    if keep_every is not None and keep_every % checkpoint_every:
        raise ValueError(
            "`train.keep_every` must be a multiple of `train.checkpoint_every`. "
            f"Received: keep_every={keep_every}, checkpoint_every={checkpoint_every}. "
            f"Use {_multiple(keep_every, checkpoint_every)}."
        )
    _check_rows(replicas, numbers["batch_size"], numbers["accumulate"], numbers["cached_chunk"])


def warn_of_few_clips(dataset: Any, *, batch_size: int, steps: int) -> None:
    """Says how often a run sees each clip, and warns where one batch holds a clip more than once.

    A contrastive loss takes every other row for a wrong answer, and a clip's own copy among them.
    """
    clips = dataset.info.train_size
    if not clips:
        return
    _log.info(
        "%s clips for training: each is seen %.3g times in %d steps of %d.",
        f"{clips:,}",
        steps * batch_size / clips,
        steps,
        batch_size,
    )
    if clips < batch_size:
        _log.warning(
            "A batch holds clips more than once: it has %d rows, and the set %d clips for training. "
            "Prepare more, or take a smaller batch (`train.batch_size`, --batch_size %d).",
            batch_size,
            clips,
            1 << (clips.bit_length() - 1),
        )


def _check_rows(replicas: int, batch_size: int, accumulate: int, cached_chunk: int | None) -> None:
    if batch_size % replicas:
        raise ValueError(
            "`train.batch_size` must be a multiple of the number of replicas. Received: "
            f"batch_size={batch_size}, replicas={replicas}. "
            f"Use {_multiple(batch_size, replicas)}."
        )
    if accumulate > 1 and cached_chunk is not None:
        raise ValueError(
            "`train.cached_chunk` is for contrastive losses, `train.accumulate` for supervised ones. "
            f"Received: cached_chunk={cached_chunk}, accumulate={accumulate}. Give one of the two."
        )
    rows = batch_size // replicas
    for name, parts in (("accumulate", accumulate), ("cached_chunk", cached_chunk)):
        if parts is not None and rows % parts:
            raise ValueError(
                f"`train.{name}` must divide the rows of each replica. Received: {name}={parts}, {rows} rows "
                f"(batch_size={batch_size}, replicas={replicas}). Use {_divisor(parts, rows)}."
            )


def _multiple(number: int, of: int) -> int:
    """The largest multiple up to a number, at least the first."""
    return max(number - number % of, of)


def _divisor(number: int, of: int) -> int:
    """The largest divisor up to a number."""
    return next(each for each in range(min(number, of), 0, -1) if of % each == 0)
