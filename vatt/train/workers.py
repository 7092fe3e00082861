"""The processes of one run, one per machine: which of them this is, and what they must agree on.

All of them take the same steps, and a step ends when the slowest has done its share. So whatever stops one
must stop all after the same step: what they agree on is summed over them by the devices, in the order in
which the program asks, like any gradient. One of them, the chief, writes the run directory, which all must be
able to read.
"""

import contextlib

import tensorflow as tf

from vatt.train.context import RunError

# What the others see when one of them dies: its connection breaks, or the runtime takes it off the list.
_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)
_LOST_WORDS = ("heartbeat", "is gone", "task is restarted", "Connection reset", "Socket closed")


class Workers:
    """The workers of a strategy.

    Args:
        strategy: one worker, unless it is a `MultiWorkerMirroredStrategy` of several.

    Attributes:
        count: how many there are.
        index: which one this is, from 0.
        is_chief: whether it is the one that writes.
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        self._strategy = strategy
        self.count, self.index = 1, 0
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            resolver = strategy.cluster_resolver
            addresses = resolver.cluster_spec().as_dict().get("worker", [])
            self.count, self.index = max(1, len(addresses)), resolver.task_id or 0
        self.is_chief = self.index == 0
        self._sum_compiled = tf.function(self._sum, autograph=False)

    def any(self, mine: bool) -> bool:
        """Whether it is so on any worker; every worker must ask."""
        return bool(mine) if self.count == 1 else self._total(int(mine)) > 0

    def from_chief(self, number: int) -> int:
        """The chief's number, on every worker; every worker must ask."""
        return number if self.count == 1 else self._total(number if self.is_chief else 0)

    def meet(self) -> None:
        """Returns when every worker is here."""
        self.any(False)

    @contextlib.contextmanager
    def explaining(self):
        """Within the block, an error that means that another worker is gone says so."""
        try:
            yield
        except tf.errors.OpError as error:
            words = str(error)
            if self.count == 1 or not (
                isinstance(error, _LOST) or any(each in words for each in _LOST_WORDS)
            ):
                raise
            raise RunError(
                f"All {self.count} workers must be there to take a step. Worker {self.index} lost another: "
                f"{words.splitlines()[0][:200]}. Start all of them again with their commands: the run goes "
                "on from the newest checkpoint."
            ) from error

    def _total(self, number: int) -> int:
        # One replica of each worker brings the number, the others nothing.
        local = len(self._strategy.extended.worker_devices)

        def value(context):
            is_first = context.replica_id_in_sync_group % local == 0
            return tf.constant(number if is_first else 0, tf.int64)

        values = self._strategy.experimental_distribute_values_from_function(value)
        return int(self._sum_compiled(values))

    def _sum(self, values):
        return self._strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None)
