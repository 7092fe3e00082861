"""The workers of a `MultiWorkerMirroredStrategy`: what they agree on goes through its collectives."""

import re

import tensorflow as tf

from vatt.engines.workers import Workers

# What the others see when one of them dies: its connection breaks, or the runtime takes it off the list.
_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)
_LOST_WORDS = ("heartbeat", "is gone", "task is restarted", "Connection reset", "Socket closed")


def workers_of(strategy: tf.distribute.Strategy) -> Workers:
    """The workers of a strategy: one, unless it is a `MultiWorkerMirroredStrategy` of several."""
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return Workers()
    resolver = strategy.cluster_resolver
    addresses = resolver.cluster_spec().as_dict().get("worker", [])
    return _Several(strategy, resolver.task_id or 0, addresses) if len(addresses) > 1 else Workers()


class _Several(Workers):
    def __init__(self, strategy: tf.distribute.Strategy, index: int, addresses: list[str]):
        super().__init__(index, addresses)
        self._strategy = strategy
        self._sum_compiled = tf.function(self._sum, autograph=False)
        self._asked: tf.Tensor | None = None

    def any_before(self, mine: bool) -> bool:
        before, self._asked = self._asked, self._started(int(mine))
        with self.explaining():
            return before is not None and int(before) > 0

    def total(self, number: int) -> int:
        with self.explaining():
            return int(self._started(number))

    def _started(self, number: int) -> tf.Tensor:
        """The sum of every worker's number, which may not be there yet."""
        # One replica of each worker brings the number, the others nothing.
        local = len(self._strategy.extended.worker_devices)

        def value(context):
            is_first = context.replica_id_in_sync_group % local == 0
            return tf.constant(number if is_first else 0, tf.int64)

        values = self._strategy.experimental_distribute_values_from_function(value)
        with self.explaining():
            return self._sum_compiled(values)

    def lost(self, error: Exception) -> set[int] | None:
        words = str(error)
        if not isinstance(error, tf.errors.OpError) or not (
            isinstance(error, _LOST) or any(each in words for each in _LOST_WORDS)
        ):
            return None
        return {int(number) for number in re.findall(r"/job:worker/(?:replica:0/)?task:(\d+)", words)}

    def _sum(self, values):
        return self._strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None)
