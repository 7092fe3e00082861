"""float16: the loss is scaled, an overflow halves the scale and skips the step, and only that."""

import numpy as np
import pytest

from tests.engines.training import Training, assert_same, toy_batch
from vatt.engines.tensorflow.loss_scale import LossScale
from vatt.optimizers.factories import sgd


def training(initial=None, batch_of=toy_batch, replicas=1, growth_steps=2000):
    return Training(
        make_optimizer=lambda: sgd(learning_rate=0.1),
        batch_of=batch_of,
        replicas=replicas,
        loss_scale=None if initial is None else lambda: LossScale(initial=initial, growth_steps=growth_steps),
    )


@pytest.mark.parametrize("replicas", [1, 2])
def test_the_scale_changes_no_weight(replicas):
    plain, scaled = training(replicas=replicas), training(2.0**15, replicas=replicas, growth_steps=2)
    plain.run(3)
    results = scaled.run(3)
    assert_same(plain.weights(), scaled.weights())
    assert [each["loss_scale"] for each in results] == [2.0**15, 2.0**15, 2.0**16]


@pytest.mark.parametrize("replicas", [1, 2])
def test_an_overflow_halves_the_scale_and_skips_the_step(replicas):
    def loud(number):
        batch = toy_batch(number)
        return batch | {"audio": 100 * batch["audio"]}

    high = training(2.0**126, replicas=replicas, batch_of=loud)
    before = high.weights()
    first, second = high.run(2)
    assert first["finite"] and not np.isfinite(first["gradient_norm"])
    assert first["loss_scale"] == 2.0**126 and second["loss_scale"] == 2.0**125
    for name, value in before.items():
        np.testing.assert_array_equal(value, high.weights()[name])
    assert int(high.optimizer.iterations.numpy()) == 0


def test_a_bad_batch_is_no_overflow():
    stopped = training(2.0**15, batch_of=lambda number: toy_batch(number, poisoned_step=1))
    assert [bool(each["finite"]) for each in stopped.run(3)] == [True, False, False]


def test_an_overflow_that_no_scale_avoids_stops():
    scale = LossScale(initial=2.0)
    for expected in (1.0, 1.0):
        scale.follow(np.bool_(False))
        assert float(scale.value) == expected
    assert not bool(scale.can_shrink())
