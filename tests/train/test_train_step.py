"""The compiled step: the same on one replica and on two, clipped after the sum, untouched by a bad batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import toys
from vatt.train.optimizer import adam, adamw, sgd
from vatt.train.step import TrainStep, draw_keys
from vatt.train.strategy import make_strategy, split_batch

SEED = 3


def batch_of(number, rows=8, **options):
    batch = toys.ToyData(**options)._batch(rows, number, SEED)
    return {name: tf.constant(value) for name, value in batch.items()}


def train(strategy_name, make_optimizer, steps=3, clip_global_norm=None, poisoned_step=None):
    """Weights and results after some steps from the same initial weights."""
    keras.utils.set_random_seed(0)
    strategy = make_strategy(strategy_name)
    with strategy.scope():
        model = toys.ToyModel()
        inputs = toys.toy_inputs()
        model(inputs(batch_of(0), training=False))
        optimizer = make_optimizer()
        optimizer.build(model.trainable_variables)
        step = TrainStep(
            strategy=strategy,
            model=model,
            loss=toys.ToyLoss(),
            device_inputs=inputs,
            optimizer=optimizer,
            seed=SEED,
            clip_global_norm=clip_global_norm,
        )
        results = [
            step(split_batch(strategy, batch_of(number, poisoned_step=poisoned_step)))
            for number in range(steps)
        ]
    weights = [variable.numpy() for variable in model.trainable_variables + model.non_trainable_variables]
    return weights, [{name: value.numpy() for name, value in each.items()} for each in results], optimizer


@pytest.fixture
def two_devices():
    if len(tf.config.list_logical_devices("CPU")) < 2:
        pytest.skip("TensorFlow was started with one CPU device before these tests were collected.")


@pytest.mark.parametrize(
    ("make_optimizer", "clip_global_norm"),
    [(lambda: sgd(learning_rate=0.1), None), (lambda: adam(learning_rate=0.01), 0.5)],
    ids=["sgd", "adam-clipped"],
)
def test_two_replicas_equal_one(two_devices, make_optimizer, clip_global_norm):
    weights, results, _ = train("one_device", make_optimizer, clip_global_norm=clip_global_norm)
    split_weights, split_results, _ = train("mirrored", make_optimizer, clip_global_norm=clip_global_norm)
    for one, two in zip(results, split_results):
        for name in ("loss", "loss/video_audio", "loss/video_text", "gradient_norm", "squared_norms"):
            np.testing.assert_allclose(one[name], two[name], rtol=1e-5, atol=1e-7, err_msg=name)
    for one, two in zip(weights, split_weights):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


def test_a_batch_that_does_not_divide_is_refused(two_devices):
    with pytest.raises(ValueError, match="multiple of the number of replicas"):
        split_batch(make_strategy("mirrored"), batch_of(0, rows=7))


def test_the_gradient_is_that_of_the_plain_loss():
    (kernel, *_), results, _ = train("one_device", lambda: sgd(learning_rate=1.0, momentum=0.0), steps=1)
    keras.utils.set_random_seed(0)
    model, inputs = toys.ToyModel(), toys.toy_inputs()
    batch = batch_of(0)
    model(inputs(batch, training=False))
    batch["draw_key"] = draw_keys(SEED, batch["example_index"])
    with tf.GradientTape() as tape:
        loss = toys.ToyLoss()(model(inputs(batch, True), training=True), batch, lambda rows: rows)["loss"]
    first = model.trainable_variables[0]
    np.testing.assert_allclose(results[0]["loss"], loss, rtol=1e-6)
    np.testing.assert_allclose(kernel, first.value - tape.gradient(loss, first.value), rtol=1e-5, atol=1e-6)


def test_clipping_bounds_the_whole_gradient():
    rate = sgd(learning_rate=1.0, momentum=0.0)
    before, _, _ = train("one_device", lambda: sgd(learning_rate=0.0), steps=1)
    after, results, _ = train("one_device", lambda: rate, steps=1, clip_global_norm=0.25)
    moved = np.sqrt(sum(np.sum((one - two) ** 2) for one, two in zip(before, after)))
    assert results[0]["gradient_norm"] > 0.25
    assert moved == pytest.approx(0.25, rel=1e-4)


@pytest.mark.parametrize("strategy", ["one_device", "mirrored"])
def test_a_bad_batch_leaves_the_weights_untouched(strategy, request):
    if strategy == "mirrored":
        request.getfixturevalue("two_devices")
    good, _, _ = train(strategy, lambda: adam(learning_rate=0.01), steps=1)
    same, results, optimizer = train(strategy, lambda: adam(learning_rate=0.01), steps=2, poisoned_step=1)
    assert [bool(each["finite"]) for each in results] == [True, False]
    assert int(optimizer.iterations.numpy()) == 1
    for one, two in zip(good, same):
        np.testing.assert_array_equal(one, two)


def test_draw_keys_depend_on_seed_and_example_alone():
    keys = draw_keys(7, tf.constant([0, 5, 2**31 + 5], tf.int64)).numpy()
    np.testing.assert_array_equal(keys, [[7, 0], [7, 5], [7, 5]])
    assert keys.dtype == np.int32


def test_weight_decay_spares_biases():
    (video_kernel, video_bias, *_), _, _ = train("one_device", lambda: sgd(learning_rate=0.0), steps=1)
    optimizer = adamw(learning_rate=0.0, weight_decay=0.1)
    kernel, bias = keras.Variable(video_kernel, name="kernel"), keras.Variable(video_bias, name="bias")
    optimizer.build([kernel, bias])
    assert optimizer._use_weight_decay(kernel.value)
    assert not optimizer._use_weight_decay(bias.value)


def test_an_unknown_strategy_names_the_closest():
    with pytest.raises(ValueError, match="Closest: 'mirrored'"):
        make_strategy("mirored")
