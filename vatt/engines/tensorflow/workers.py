"""The processes of one run, one per machine: which of them this is, and what they must agree on.

All of them take the same steps, and a step ends when the slowest has done its share. So whatever stops one
must stop all after the same step: what they agree on is summed over them by the devices, in the order in
which the program asks, like any gradient. One of them, the chief, writes the run directory, which all must be
able to read.
"""

import contextlib
import hashlib
import re

import tensorflow as tf

from vatt.errors import LostMachine, RunError, reason_of

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
        self.count, self.index, self._addresses = 1, 0, []
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            resolver = strategy.cluster_resolver
            self._addresses = resolver.cluster_spec().as_dict().get("worker", [])
            self.count, self.index = max(1, len(self._addresses)), resolver.task_id or 0
        self.is_chief = self.index == 0
        self._sum_compiled = tf.function(self._sum, autograph=False)

    def share_of(self, batch_size: int) -> str:
        """One sentence: which worker this is, and its rows of every batch."""
        rows = batch_size // self.count
        first = self.index * rows
        task = "; it writes the run directory" if self.is_chief else ""
        return (
            f"Worker {self.index} of {self.count}, counted from 0, at {self._addresses[self.index]}: "
            f"rows {first:,} to {first + rows - 1:,} of every batch of {batch_size:,}{task}."
        )

    def any(self, mine: bool) -> bool:
        """Whether it is so on any worker; every worker must ask."""
        return bool(mine) if self.count == 1 else self._total(int(mine)) > 0

    def from_chief(self, number: int) -> int:
        """The chief's number, on every worker; every worker must ask."""
        return number if self.count == 1 else self._total(number if self.is_chief else 0)

    def has_chiefs(self, text: str) -> bool:
        """Whether the chief has the same text; every worker must ask."""
        digest = int(hashlib.sha256(text.encode()).hexdigest()[:15], 16)  # 60 bits of a signed number's 63
        return self.from_chief(digest) == digest

    def agree_on(self, facts: dict[str, str], what: str) -> None:
        """Raises on every worker unless all have the facts that the chief has; every worker must ask.

        Args:
            facts: by name, as text.
            what: what they are of, for the message.
        """
        listed = ", ".join(f"{name} {facts[name]}" for name in sorted(facts))
        if self.any(not self.has_chiefs(listed)):
            raise RunError(
                f"All workers must have the same {what}, and do not. Worker {self.index} has {listed}; each "
                "of the others says what it has."
            )

    def refuse_any(self, fault: str | None) -> None:
        """Raises on every worker if one of them has a fault; every worker must ask.

        Args:
            fault: what is wrong with this one, which it reports; None if nothing is.
        """
        if self.any(fault is not None):
            raise RunError(
                fault
                or f"All {self.count} workers must be able to take part. One of them is not, and says why. "
                "Mend that, then start all of them again."
            )

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
            raise LostMachine(
                f"All {self.count} workers must be there to take a step. Worker {self.index} lost "
                f"{self._lost(words)}: {reason_of(error)[:200].rstrip('.: ')}. Look there for the cause. "
                "Start all of them again with their commands: the run resumes from the newest checkpoint."
            ) from error

    def _lost(self, words: str) -> str:
        """The lost tasks, from TensorFlow's message: those that it names apart from this one."""
        tasks = {int(number) for number in re.findall(r"/job:worker/(?:replica:0/)?task:(\d+)", words)}
        named = [f"worker {each} ({self._addresses[each]})" for each in sorted(tasks - {self.index})]
        return " or ".join(named) or "another"

    def _total(self, number: int) -> int:
        # One replica of each worker brings the number, the others nothing.
        local = len(self._strategy.extended.worker_devices)

        def value(context):
            is_first = context.replica_id_in_sync_group % local == 0
            return tf.constant(number if is_first else 0, tf.int64)

        values = self._strategy.experimental_distribute_values_from_function(value)
        with self.explaining():
            return int(self._sum_compiled(values))

    def _sum(self, values):
        return self._strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None)
