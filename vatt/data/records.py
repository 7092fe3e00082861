"""The shards of a prepared set, and any record of them at a time.

Records are read one by one, from where they start, instead of streaming through a shard: so the order can be
a pure function of the step, and a damaged byte affects only its own record (`vatt.data.corrupt_records`).
TensorFlow's own ops do it. A Python function inside a `tf.data` pipeline can hang the program: TensorFlow
destroys an iterator holding Python's global lock, and waits for that function to end, which waits for the
lock.
"""

import math
from typing import Any

import numpy as np
import tensorflow as tf

from vatt.data import shard_offsets, stored_set
from vatt.data.set_description import SetDescription
from vatt.protocols import Tensor


class RecordIndex:
    """The records of one split by number, in the order of the shards.

    Holds 17 bytes of memory for each record, and has read 8 of each.

    Args:
        description: `SetDescription` of the prepared set.
        split: name of the split.
        max_corrupt_share: share of damaged records, in [0, 1], rounded up to whole records, above which
            reading stops the run.
    """

    def __init__(self, description: SetDescription, split: str, *, max_corrupt_share: float = 0.01):
        if split not in description.splits:
            raise ValueError(
                f"A split must be one that the set has. Received: split={split!r}; {description.place} "
                f"has {', '.join(sorted(description.splits)) or 'none'}. Name one of them."
            )
        if not 0 <= max_corrupt_share <= 1:
            raise ValueError(f"`max_corrupt_share` must be in [0, 1]. Received: {max_corrupt_share}.")
        shards = description.splits[split]
        address = description.address
        if description.is_made_on_demand:
            found = shard_offsets.read_lines(description.directory, shards)
            self._fetcher = stored_set.fetcher(str(description.directory), "vatt.prepare.made_records")
        elif address is None:
            found, self._fetcher = shard_offsets.read_all(description.directory, shards), None
        else:
            found = shard_offsets.read_stored(address, description.directory, shards)
            self._fetcher = None if description.has_packed_audio else stored_set.fetcher(address)
        if description.has_packed_audio:
            self._fetcher = stored_set.fetcher(description.place, "vatt.prepare.opened_audio")
        self._size = sum(len(shard.starts) for shard in found)
        if not self._size:
            raise ValueError(
                f"A split must hold at least one clip. Received: {split!r} of {description.place}, which "
                f"is empty. Name another split, or prepare the set with clips in it."
            )
        self._max_corrupt_share = max_corrupt_share
        # Upwards, less what a product of floats may be off: one damaged record never stops a small set.
        self._allowed = math.ceil(max_corrupt_share * self._size - 1e-9)
        files = [shard["file"] for shard in shards]
        self._paths = tf.constant(
            [str(description.directory / each) for each in files] if self._fetcher is None else files
        )
        self._ends = tf.constant(np.cumsum([len(shard.starts) for shard in found]), tf.int64)
        self._offsets = tf.constant(np.concatenate([shard.starts for shard in found]), tf.int64)
        self._fits = tf.constant(np.concatenate([shard.fits for shard in found]))
        self._sizes = tf.constant(np.concatenate([shard.sizes for shard in found]))
        # Numbers of the damaged records met so far, and under 0 the last of them.
        self._corrupt, self._last = (
            tf.lookup.experimental.MutableHashTable(tf.int64, tf.int64, default_value=-1) for _ in range(2)
        )
        # Positions of several epochs are read at once: only one of them may find that a record is new.
        self._reporting = tf.CriticalSection(name="reporting")
        self._is_portable = False

    def __len__(self):
        return self._size

    @property
    def corrupt(self) -> int:
        """Number of damaged records met so far."""
        return int(self._corrupt.size())

    @property
    def is_remote(self) -> bool:
        """Whether a process next to this one brings them: from an object store, or made, or decoded."""
        return self._fetcher is not None

    def make_portable(self) -> None:
        """From now on pipelines can be sent to other machines, which can not be sent a lock: each counts for
        itself, and may name a damaged record twice that it meets twice at once."""
        if self._fetcher is not None:
            raise ValueError(
                "Machines that run `vatt feed` must see the records in a folder. Received: a set in an "
                "object store, of tar files, or with FLAC or Opus audio, which a process next to the trainer "
                "reads and no graph that is sent. Mount or copy it on them, with audio as pcm16; or train "
                "without `ServedClips`."
            )
        self._is_portable = True

    def read(self, number: Tensor) -> Tensor:
        """One record, a string scalar, by its number, int64 scalar in [0, len(self)); usable inside `tf.data`
        functions. Fails if the record is damaged or its shard is gone.
        """
        path, offset = self._locate(number)
        rule = "A record must be within its shard."
        with tf.control_dependencies([tf.debugging.Assert(self._fits[number], [rule, path, offset])]):
            offset = tf.identity(offset)  # the reader would ask for the memory first
        if self._fetcher is not None:
            path, offset = self._fetcher.fetch(path, offset, self._sizes[number]), tf.constant(0, tf.int64)
        from_there = tf.raw_ops.TFRecordDatasetV2(
            filenames=[path],
            compression_type="",
            buffer_size=0,  # one record of known length: straight into its string, without a copy
            byte_offsets=[offset],
            metadata="",
        )
        found = tf.data.experimental.from_variant(from_there, tf.TensorSpec([], tf.string))
        return found.take(1).get_single_element()

    def report(self, number: Tensor) -> Tensor:
        """Counts and reports a damaged record by its number, int64 scalar, once; usable inside `tf.data`
        functions. The result, bool scalar, is whether there are still no more than allowed.
        """
        path, offset = self._locate(number)

        def first_time():
            message = tf.print("Damaged record replaced by the next one:", path, "at byte", offset)
            with tf.control_dependencies([message, self._corrupt.insert(number, offset)]):
                return tf.identity(number)

        def count():
            return tf.cond(self._corrupt.lookup(number) < 0, first_time, lambda: number)

        counted = count() if self._is_portable else self._reporting.execute(count)
        # For the message of a refusal.
        with tf.control_dependencies([self._last.insert(tf.constant(0, tf.int64), counted)]):
            return self._corrupt.size() <= self._allowed

    def refuse(self) -> Any:
        """An op that fails, saying how much is damaged."""
        path, offset = self._locate(tf.maximum(self._last.lookup(tf.constant(0, tf.int64)), 0))
        return tf.debugging.Assert(
            False,
            [
                f"Some record must be readable, and at most {self._max_corrupt_share:.2%} of them may be "
                f"damaged (`max_corrupt_share`): {self._allowed} of {self._size}. Copy or prepare the set "
                f"again; `vatt doctor` reports what is damaged. Received this number of damaged ones, the "
                f"last "
                f"one in this shard, at this byte:",
                self._corrupt.size(),
                path,
                offset,
            ],
        )

    def _locate(self, number):
        """Path of the shard of a record, and the byte it starts at."""
        return self._paths[tf.searchsorted(self._ends, [number], side="right")[0]], self._offsets[number]
