"""Rows of all replicas, in replica order, with gradients.

The gradient of the gather is the sum over replicas of what each of them sends back. So when every replica's
loss is its own share of the global loss (shares add up), gradients summed over replicas are those of the
global loss.
"""

import tensorflow as tf


def all_gather(local: tf.Tensor) -> tf.Tensor:
    """Local rows `[B / replicas, ...]` to global rows `[B, ...]`; with one replica, the same tensor."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return local
    # The copy is on the replica's device: a tensor without one has nowhere to be gathered from, which is what
    # a worker of a single device makes of the arguments of nested functions.
    return context.all_gather(tf.identity(local), axis=0)
