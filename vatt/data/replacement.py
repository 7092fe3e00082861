"""The fallback for corrupt records: the next record that can be read.

So a batch is always full, what a position holds depends on the files alone, never on what was read before,
and exactly the damaged record is lost. Whatever fails in making a clip is damage: a checksum, the parsing, a
frame's header, its pixels.
"""

import tensorflow as tf


def first_usable(number, *, size, make, report, refuse):
    """What is made of a record, or of the first one after it of which something can be made.

    Each attempt is one element of a dataset, because only there TensorFlow lets an error pass; it is one
    element of a `map`, because errors that are ignored on a reader itself have it try again for ever where
    the file is gone.

    Args:
        number: int64 scalar, the record.
        size: int64 scalar, records of the split; after the last comes the first.
        make: function from a record's number and a bool scalar, whether it is the one asked for, to tensors;
            fails if the record is damaged.
        report: function from a damaged record's number to a bool scalar: whether reading may go on.
        refuse: function that gives an op that fails with the reason why reading may not go on.

    Returns:
        A dataset of one element. Use it inside `interleave` or `flat_map`: there its functions are made ready
        once, where `get_single_element` does so for each record.
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
