"""What the summed gradients do: groups, bounds, decay of learning rates, the average."""

import numpy as np
import pytest

from tests.engines.training import Training, assert_same, toy_batch
from vatt.engines.groups import Group, group_numbers, layer_factors
from vatt.engines.optimization import WeightAverage
from vatt.optimizers import factories as optimizers


def plain(rate=0.1):
    return optimizers.sgd(learning_rate=rate, momentum=0.0)


def moved(steps=1, **options):
    """By how much each trainable weight moved."""
    training = Training(**options)
    before = training.weights()
    training.run(steps)
    after = training.weights()
    return {
        variable.path: after[variable.path] - before[variable.path]
        for variable in training.model.trainable_variables
    }


@pytest.mark.parametrize("replicas", [1, 2])
def test_groups_have_rates_and_bounds_of_their_own(replicas):
    usual = moved(make_optimizer=plain)
    groups = [
        Group(paths=["^toy_model/video"], learning_rate_factor=0.5, clip_global_norm=1e-3),
        Group(paths=["audio"], learning_rate_factor=0.0),
    ]
    found = moved(make_optimizer=plain, groups=groups, replicas=replicas)
    video = [name for name in found if name.startswith("toy_model/video")]
    norm = np.sqrt(sum(np.sum(found[name] ** 2) for name in video))
    assert norm == pytest.approx(0.1 * 0.5 * 1e-3, rel=1e-3)
    assert not found["toy_model/audio/kernel"].any()
    rest = "toy_model/text/embeddings"
    np.testing.assert_allclose(found[rest], usual[rest], rtol=1e-5, atol=1e-7)


def test_groups_that_can_not_be_meant_are_refused():
    with pytest.raises(ValueError, match=r"holds none which no group before it has"):
        group_numbers([Group(paths=["audio"]), Group(paths=["audio/"])], ["m/audio/kernel"])
    with pytest.raises(ValueError, match="together or by group"):
        moved(make_optimizer=plain, clip_global_norm=1.0, groups=[Group(paths="audio", clip_global_norm=1.0)])
    with pytest.raises(ValueError, match="must be positive"):
        Group(paths="audio", clip_global_norm=0.0)


@pytest.mark.parametrize("replicas", [1, 2])
def test_the_average_follows_and_gives_the_weights_back(replicas):
    training = Training(make_optimizer=plain, average=WeightAverage(decay=0.5), replicas=replicas)
    expected = training.weights()
    for number in range(4):
        training.run(1)
        weights = training.weights()
        share = 1 - min(0.5, (2 + number) / (11 + number))
        expected = {name: value + share * (weights[name] - value) for name, value in expected.items()}
    with training.average.in_model():
        averaged = training.weights()
    trainable = {variable.path for variable in training.model.trainable_variables}
    assert_same({n: expected[n] for n in trainable}, {n: averaged[n] for n in trainable})
    for name, value in training.weights().items():
        np.testing.assert_array_equal(value, weights[name])


def test_a_bad_step_leaves_the_average_untouched():
    good, bad = (
        Training(
            make_optimizer=plain,
            average=WeightAverage(),
            batch_of=lambda number, step=step: toy_batch(number, poisoned_step=step),
        )
        for step in (None, 1)
    )
    good.run(1)
    bad.run(2)
    for one, two in zip(good.average.averages, bad.average.averages, strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())


def test_layer_factors():
    paths = [
        "vatt/video/tokenizer/patches/kernel",
        "vatt/video/encoder/block_0/attention/query/kernel",
        "vatt/video/encoder/block_1/feed_forward_norm/gamma",
        "vatt/video/encoder/final_norm/gamma",
        "vatt/audio/tokenizer/positions/sample_table",
        "vatt/audio/encoder/block_2/attention/query/kernel",
        "vatt/text/encoder/relative_bias/table",
        "vatt/text/encoder/block_0/attention/query/kernel",
        "vatt/spaces/bridge/kernel",
    ]
    powers = [3, 2, 1, 0, 4, 1, 2, 1, 0]
    np.testing.assert_allclose(layer_factors(paths, 0.5), [0.5**power for power in powers])
    shared = [
        "vatt/encoder/block_1/a/kernel",
        "vatt/video/tokenizer/b/bias",
        "vatt/video/projection/kernel",
    ]
    np.testing.assert_allclose(layer_factors(shared, 0.5), [0.5, 0.125, 1.0])
    with pytest.raises(ValueError, match="must be in"):
        layer_factors(paths, 1.5)
