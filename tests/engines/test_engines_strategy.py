"""How the rows of a batch come to the replicas."""

import numpy as np
import pytest
import tensorflow as tf

from tests.devices import mirrored
from tests.engines.training import clip_batch, dataset_of
from vatt.engines.tensorflow.strategy import feed, split_batch


@pytest.mark.parametrize("replicas", [1, 2, 4])
def test_each_replica_is_fed_its_rows_of_every_batch_on_its_device(replicas):
    strategy = mirrored(replicas) if replicas > 1 else tf.distribute.get_strategy()
    batches = [clip_batch(number) for number in range(3)]
    fed = feed(strategy, dataset_of(batches).repeat())
    for batch, found in zip(batches, fed):
        wanted = split_batch(strategy, batch)
        for name, value in found.items():
            parts = strategy.experimental_local_results(value)
            assert len(parts) == replicas
            whole = np.concatenate([part.numpy() for part in parts])
            np.testing.assert_array_equal(whole, batch[name].numpy(), err_msg=name)
            for number, (part, cut) in enumerate(
                zip(parts, strategy.experimental_local_results(wanted[name]), strict=True)
            ):
                assert part.device.endswith(f"CPU:{number}"), (name, part.device)
                np.testing.assert_array_equal(part.numpy(), cut.numpy(), err_msg=name)


def test_a_batch_that_cannot_be_divided_is_refused_before_the_first_step():
    with pytest.raises(ValueError, match="multiple of the number of replicas"):
        feed(mirrored(4), dataset_of([clip_batch(0, rows=6)]).repeat())


def test_what_is_fed_is_not_cut_again():
    strategy = mirrored(2)
    batch = next(feed(strategy, dataset_of([clip_batch(0)]).repeat()))
    assert split_batch(strategy, batch) is batch
