"""Machines that are taken away with notice: `tf.distribute`'s PreemptionCheckpointHandler, with the
checkpoints of this project.

The handler knows how platforms give notice (SIGTERM; on Google Cloud's GPU machines the maintenance event, an
hour ahead), and agrees through the coordination service, without a collective, on the step after which all
workers stop. What is saved and how, and what a start goes on from, stays with `vatt/train/checkpoint.py`.
"""

import contextlib
import signal
from collections.abc import Callable
from pathlib import Path

import gin
import tensorflow as tf

_distribute = tf.distribute.experimental


@gin.register
class Preemption:
    """Ends a run that is given notice, after a checkpoint.

    Args:
        grace_seconds: between notice and end: a checkpoint at once, training on, and another just before
            the end. None is what the platform has: an hour on Google Cloud with GPUs, else nothing: one step
            more, a checkpoint, the end.
    """

    def __init__(self, *, grace_seconds: float | None = None):
        self._grace_seconds = grace_seconds
        self._handler = None
        self._step = 0
        self._is_over = False

    @contextlib.contextmanager
    def watching(self, strategy: tf.distribute.Strategy, model_dir: Path, save: Callable[[int], None]):
        """Within the block notice is heeded.

        Args:
            strategy: whose workers end together.
            model_dir: the run directory; nothing is written there but by `save`.
            save: saves after so many steps.
        """
        before = signal.getsignal(signal.SIGTERM)
        # It wants a manager to restore from and to save with: this one never finds nor writes anything.
        manager = tf.train.CheckpointManager(tf.train.Checkpoint(), str(model_dir / ".preemption"), 1)
        config = _distribute.TerminationConfig(
            grace_period=self._grace_seconds, save_fn=lambda: save(self._step), exit_fn=self._end
        )
        self._handler = _distribute.PreemptionCheckpointHandler(
            strategy.cluster_resolver, manager, termination_config=config
        )
        try:
            yield
        finally:
            self._handler = None
            signal.signal(signal.SIGTERM, before)

    def ends_after(self, step: int) -> bool:
        """Whether the run ends after so many steps; every worker asks after every call of steps."""
        self._step = step
        self._handler.save_checkpoint_if_preempted()
        return self._is_over

    def _end(self) -> None:
        self._is_over = True
