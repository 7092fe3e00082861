"""The fallback for corrupt records: the next record that can be read.

So a batch is always full, what a position holds depends on the files alone, never on what was read before,
and exactly the damaged record is lost. Whatever fails in making a clip is damage: a checksum, the parsing, a
JPEG's header, its pixels. A record that contradicts `dataset.json` is none: it ends the run.
"""

import functools
from collections.abc import Callable, Sequence

import tensorflow as tf

from vatt import spec
from vatt.data.source import CONTRADICTION, ClipSource
from vatt.protocols import Tensor

as_written = tf.autograph.experimental.do_not_convert


def with_fallback(
    asked: tf.data.Dataset, sources: Sequence[ClipSource], make: Callable, *, threads: int, readers: int = 0
) -> tf.data.Dataset:
    """`make` applied to each of the requested records, or to its replacement.

    Args:
        asked: (position, number of the source, number of the record), int64 scalars.
        sources: the sources.
        make: function from a source, a record as it is stored, a position and a bool scalar, whether the
            record is the one asked for, to a clip; fails if the record is damaged.
        threads: records that clips are made of at once; changes no order.
        readers: records that are read ahead at once; 0: they are read where clips are made of them.
    """
    sizes = [len(each.records) for each in sources]

    def of_source(number, function):
        ways = [functools.partial(function, each) for each in sources]
        return ways[0]() if len(ways) == 1 else tf.switch_case(tf.cast(number, tf.int32), ways)

    def read(source_number, number):
        return of_source(source_number, lambda each: each.records.read(number))

    @as_written
    def read_ahead(*asked):
        """`asked`, the record and whether it could be read."""
        position, source_number, number = asked
        found = tf.data.Dataset.from_tensors(number).map(
            as_written(lambda number: (*asked, read(source_number, number), True))
        )
        lost = tf.data.Dataset.from_tensors((*asked, tf.constant(""), False))
        return found.ignore_errors().concatenate(lost).take(1)

    @as_written
    def usable(position, source_number, asked_number, *ahead):
        def record(number, is_itself):
            if not ahead:
                return read(source_number, number)
            # What could not be read ahead is read again, and fails in its place.
            serialized, is_read = ahead
            return tf.cond(is_itself & is_read, lambda: serialized, lambda: read(source_number, number))

        def clip_of(number, is_itself):
            serialized = record(number, is_itself)
            return of_source(source_number, lambda each: make(each, serialized, position, is_itself))

        return first_usable(
            asked_number,
            size=tf.gather(tf.constant(sizes, tf.int64), source_number),
            make=as_written(clip_of),
            report=lambda number: of_source(source_number, lambda each: each.records.report(number)),
            refuse=lambda: of_source(source_number, lambda each: each.records.refuse()),
        )

    @as_written
    def without_contradiction(clip):
        found = tf.reshape(clip.pop(CONTRADICTION), [-1])[0]
        with tf.control_dependencies([tf.debugging.Assert(tf.equal(found, ""), [found])]):
            clip[spec.EXAMPLE_INDEX] = tf.identity(clip[spec.EXAMPLE_INDEX])
        return clip

    # One element each, so that the order is that of what was asked for.
    if readers:
        asked = asked.interleave(read_ahead, readers, num_parallel_calls=readers, deterministic=True)
    made = asked.interleave(usable, threads, num_parallel_calls=threads, deterministic=True)  # pyright: ignore
    # Parallel for the batching that follows it, with which it is fused: clips are copied as they come.
    return made.map(without_contradiction, num_parallel_calls=threads, deterministic=True)


def first_usable(
    number: Tensor, *, size: Tensor, make: Callable, report: Callable, refuse: Callable
) -> tf.data.Dataset:
    """One element: what is made of a record, or of the first one after it of which something can be made.

    Each attempt is one element of a dataset, because only there TensorFlow lets an error pass; it is one
    element of a `map`, because errors that are ignored on a reader itself have it try again for ever where
    the file is gone. Used inside `interleave`, where its functions are traced once; `get_single_element`
    would do so for each record.

    Args:
        number: int64 scalar, the record.
        size: int64 scalar, records of the split; after the last comes the first.
        make: function from a record's number and whether it is the one asked for to tensors.
        report: function from a damaged record's number to a bool scalar: whether reading may go on.
        refuse: function that gives an op that fails with the reason why reading may not go on.
    """

    def may_go_on(step):
        is_reported = tf.cond(step > 0, lambda: report((number + step - 1) % size), lambda: tf.constant(True))
        return is_reported & (step < size)

    def attempt(step):
        return make((number + step) % size, tf.equal(step, 0))

    steps = tf.data.Dataset.range(size + 1).take_while(may_go_on)
    made = steps.map(attempt).ignore_errors().take(1)

    def fail(_):
        with tf.control_dependencies([refuse()]):
            return tf.nest.map_structure(lambda part: tf.zeros(part.shape, part.dtype), made.element_spec)

    return made.concatenate(tf.data.Dataset.range(1).map(fail)).take(1)
