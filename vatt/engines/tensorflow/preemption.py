"""Machines that are taken away with notice: `tf.distribute`'s PreemptionCheckpointHandler, with the
checkpoints of this project.

The handler knows how platforms give notice (SIGTERM; on Google Cloud's GPU machines the maintenance event, an
hour ahead), and agrees through the coordination service, without a collective, on the step after which all
workers stop. What is saved and how, and what a run resumes from, stays with the trainer.
"""

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import tensorflow as tf

from vatt.engines.execution import Preemption

_distribute = tf.distribute.experimental


class _Unwatched:
    """No notice is listened to; SIGTERM is the caller's."""

    signals = (signal.SIGINT, signal.SIGTERM)

    def ends_after(self, step: int) -> bool:
        return False


class _Watched:
    """Requests to and reports of the handler, whose question after every call of steps is `ask`."""

    signals = (signal.SIGINT,)

    def __init__(self, save: Callable[[int], None]):
        self._save = save
        self._step = 0
        self._is_over = False
        self.ask: Callable[[], None] = lambda: None

    def ends_after(self, step: int) -> bool:
        self._step = step
        self.ask()
        return self._is_over

    def save(self) -> None:
        self._save(self._step)

    def end(self) -> None:
        self._is_over = True


@contextlib.contextmanager
def watching(
    settings: Preemption | None,
    *,
    strategy: tf.distribute.Strategy,
    model_dir: Path,
    save: Callable[[int], None],
) -> Iterator[_Watched | _Unwatched]:
    """Within the block the notice of a platform is handled.

    Args:
        settings: None listens to nothing.
        strategy: whose workers end together.
        model_dir: the run directory; nothing is written there but by `save`.
        save: saves after this number of steps.
    """
    if settings is None:
        yield _Unwatched()
        return
    before = signal.getsignal(signal.SIGTERM)
    watched = _Watched(save)
    # The handler wants a manager to restore from and to save with: this one never finds nor writes anything.
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(), str(model_dir / ".preemption"), 1)
    config = _distribute.TerminationConfig(
        grace_period=settings.grace_seconds, save_fn=watched.save, exit_fn=watched.end
    )
    handler = _distribute.PreemptionCheckpointHandler(
        strategy.cluster_resolver, manager, termination_config=config
    )
    watched.ask = handler.save_checkpoint_if_preempted
    try:
        yield watched
    finally:
        watched.ask = lambda: None
        del handler  # and with it the thread that listens
        signal.signal(signal.SIGTERM, before)
