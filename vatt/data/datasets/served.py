"""Training batches that other machines make: reading, decoding and augmenting there, through tf.data service.

The service by itself promises no order. Here every machine gets the same share of the rows of every batch, as
the hosts of a run with several do, and this one puts the shares together in the order of the addresses: so
the batches are those of the dataset to the bit, on any number of machines, from any step.
"""

import concurrent.futures
import dataclasses
import functools
from collections.abc import Iterable, Sequence

import gin
import grpc
import tensorflow as tf

from vatt import spec
from vatt.data.datasets.mixture import MixedClips
from vatt.data.datasets.prepared import PreparedClips
from vatt.data.kept_patches import Reads
from vatt.protocols import Batch, DatasetInfo

_END_OF_STREAM = 1 << 40  # batches
_PREFETCH = 2  # batches kept ready
_AT_ONCE_SECONDS = 10.0  # in which a machine that is asked for the first time must answer
_service = tf.data.experimental.service


@gin.register
class ServedClips:
    """A dataset whose training batches come from machines that run `python -m vatt feed`.

    Evaluation and everything else is the dataset's own, made here. The machines must find the prepared set
    under the same path as this one, and have as many threads to decode as `PreparedClips.threads` says.

    Args:
        dataset: `PreparedClips` or `MixedClips`.
        addresses: "HOST:PORT" of every machine; their number divides the rows of a batch that a host makes.
        compress: whether batches are compressed on their way.
        patience_seconds: after so long without an answer, a machine counts as lost and the run ends.
    """

    def __init__(
        self,
        *,
        dataset: PreparedClips | MixedClips,
        addresses: Sequence[str],
        compress: bool = True,
        patience_seconds: float = 60.0,
    ):
        self._dataset = dataset
        self._addresses = tuple(addresses)
        if not self._addresses or len(set(self._addresses)) < len(self._addresses):
            raise ValueError(
                "`addresses` must be different machines, at least one, each as 'HOST:PORT'. Received: "
                f"{self._addresses}. Name each machine that runs `python -m vatt feed` once."
            )
        self._patience_seconds = patience_seconds
        self._compression = "AUTO" if compress else None
        silent = self._silent(min(patience_seconds, _AT_ONCE_SECONDS))
        if silent:
            raise ValueError(
                "Every machine of `ServedClips.addresses` must run `python -m vatt feed --port PORT`. "
                f"Received: no answer from {', '.join(silent)}. Start it there, or leave that machine out."
            )
        self._pipeline = dataset.training_pipeline()
        for source in self._pipeline.sources:
            source.records.make_portable()

    @functools.cached_property
    def info(self) -> DatasetInfo:
        """That of the dataset, and what can fail on other machines."""
        return dataclasses.replace(self._dataset.info, fault=self.fault)

    def eval_batches(self, *, batch_size: int, shard_index: int = 0, shard_count: int = 1) -> Iterable[Batch]:
        """Those of the dataset."""
        return self._dataset.eval_batches(
            batch_size=batch_size, shard_index=shard_index, shard_count=shard_count
        )

    def train_batches(
        self,
        *,
        batch_size: int,
        first_step: int,
        seed: int,
        shard_index: int = 0,
        shard_count: int = 1,
        reads: Reads | None = None,
    ) -> Iterable[Batch]:
        """See `vatt.protocols.Dataset`."""
        machines = len(self._addresses)
        if batch_size % (shard_count * machines):
            raise ValueError(
                "`batch_size` must be a multiple of the number of machines that make it, for each host. "
                f"Received: batch_size={batch_size}, {machines} addresses, {shard_count} host(s). Use a "
                f"multiple of {shard_count * machines}, or other machines."
            )
        rows = batch_size // shard_count
        parts = [
            self._pipeline.train_batches(
                batch_size=batch_size,
                first_step=first_step,
                seed=seed,
                shard_index=shard_index * machines + number,
                shard_count=shard_count * machines,
                mixes=False,
                reads=reads,
            ).apply(
                _service.distribute(
                    processing_mode=_service.ShardingPolicy.OFF,
                    service=f"grpc://{address}",
                    compression=self._compression,
                )
            )
            for number, address in enumerate(self._addresses)
        ]

        @tf.autograph.experimental.do_not_convert
        def put_together(step, *shares):
            batch = {name: tf.concat([share[name] for share in shares], axis=0) for name in shares[0]}
            first = step * batch_size + shard_index * rows
            found = batch[spec.EXAMPLE_INDEX]
            is_right = tf.reduce_all(tf.equal(found, tf.range(first, first + rows)))
            # A machine that was started anew begins anew.
            message = (
                "The machines of `ServedClips.addresses` must go on where they were. One of them was started "
                "again. Run the same command again: it resumes from the newest checkpoint. Received rows:"
            )
            with tf.control_dependencies([tf.debugging.Assert(is_right, [message, found], summarize=rows)]):
                batch |= {spec.EXAMPLE_INDEX: tf.identity(found)}
            return self._pipeline.mixed(batch, seed=seed)

        steps = tf.data.Dataset.range(first_step, _END_OF_STREAM)
        options = tf.data.Options()
        options.deterministic = True
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
        together = tf.data.Dataset.zip((steps, *parts)).map(put_together)
        return together.prefetch(_PREFETCH).with_options(options)

    def fault(self) -> str | None:
        """A sentence about machines that have not answered for so long, or None; it waits that long."""
        silent = self._silent(self._patience_seconds)
        if not silent:
            return None
        return (
            f"Every machine that makes batches must answer. Received: nothing from {', '.join(silent)} for "
            f"{self._patience_seconds:g} s. Start `python -m vatt feed` there again, or name others; then "
            "run the same command again: it resumes from the newest checkpoint."
        )

    def _silent(self, seconds):
        """Addresses without an answer within this number of seconds; a machine that only listens does not
        count."""

        def answers(address):
            with grpc.insecure_channel(address) as channel:
                try:
                    grpc.channel_ready_future(channel).result(timeout=seconds)
                except grpc.FutureTimeoutError:
                    return False
                return True

        with concurrent.futures.ThreadPoolExecutor(len(self._addresses)) as pool:
            found = list(pool.map(answers, self._addresses))
        return [address for address, answered in zip(self._addresses, found, strict=True) if not answered]
