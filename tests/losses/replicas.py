"""A loss on several replicas without a strategy: threads that hand one another their rows."""

import concurrent.futures
import threading

import tensorflow as tf


def on_replicas(share, rows):
    """Each replica's share, in threads that wait for one another where they gather."""
    handed = [None] * len(rows)
    barrier = threading.Barrier(len(rows), timeout=60)

    def replica(number):
        def gather(x):
            handed[number] = x
            barrier.wait()
            joined = tf.concat(handed, axis=0)
            barrier.wait()
            return joined

        return float(share(rows[number], gather))

    with concurrent.futures.ThreadPoolExecutor(len(rows)) as pool:
        return list(pool.map(replica, range(len(rows))))
