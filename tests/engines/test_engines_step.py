"""The compiled step: the same on one replica and on two, clipped after the sum, untouched by a bad batch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import toys
from tests.engines.training import SEED, Training, assert_same, strategy_of, toy_batch, train
from vatt.engines.execution import Execution
from vatt.engines.tensorflow.step import draw_keys
from vatt.engines.tensorflow.strategy import make_strategy, split_batch
from vatt.optimizers.factories import adam, sgd

NUMBERS = ("loss", "loss/video_audio", "loss/video_text", "gradient_norm", "squared_norms")


@pytest.mark.parametrize("replicas", [2, 4])
@pytest.mark.parametrize(
    ("make_optimizer", "clip_global_norm"),
    [(lambda: sgd(learning_rate=0.1), None), (lambda: adam(learning_rate=0.01), 0.5)],
    ids=["sgd", "adam-clipped"],
)
def test_replicas_equal_one(replicas, make_optimizer, clip_global_norm):
    options = {"make_optimizer": make_optimizer, "clip_global_norm": clip_global_norm}
    weights, results, _ = train(**options)
    split_weights, split_results, _ = train(replicas=replicas, **options)
    for one, other in zip(results, split_results):
        assert_same({name: one[name] for name in NUMBERS}, {name: other[name] for name in NUMBERS})
    assert_same(weights, split_weights)


def test_a_batch_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="multiple of the number of replicas"):
        split_batch(strategy_of(2), toy_batch(0, rows=7))


def test_the_gradient_is_that_of_the_plain_loss():
    weights, results, _ = train(make_optimizer=lambda: sgd(learning_rate=1.0, momentum=0.0), steps=1)
    keras.utils.set_random_seed(0)
    model, inputs = toys.ToyModel(), toys.toy_inputs()
    batch = toy_batch(0)
    model(inputs(batch, training=False))
    batch["draw_key"] = draw_keys(SEED, batch["example_index"])
    with tf.GradientTape() as tape:
        loss = toys.ToyLoss()(model(inputs(batch, True), training=True), batch, lambda rows: rows)["loss"]
    first = model.trainable_variables[0]
    np.testing.assert_allclose(results[0]["loss"], loss, rtol=1e-6)
    expected = first.value - tape.gradient(loss, first.value)
    np.testing.assert_allclose(weights[first.path], expected, rtol=1e-5, atol=1e-6)


def test_clipping_bounds_the_whole_gradient():
    before, _, _ = train(make_optimizer=lambda: sgd(learning_rate=0.0), steps=1)
    after, results, _ = train(
        make_optimizer=lambda: sgd(learning_rate=1.0, momentum=0.0), steps=1, clip_global_norm=0.25
    )
    moved = np.sqrt(sum(np.sum((after[name] - before[name]) ** 2) for name in after if "moving" not in name))
    assert results[0]["gradient_norm"] > 0.25
    assert moved == pytest.approx(0.25, rel=1e-4)


@pytest.mark.parametrize("replicas", [1, 2])
def test_a_bad_batch_leaves_the_weights_untouched_and_stops_all_that_follow(replicas):
    options = {"make_optimizer": lambda: adam(learning_rate=0.01), "replicas": replicas}
    good, _, _ = train(steps=1, **options)
    same, results, optimizer = train(
        steps=3, batch_of=lambda number: toy_batch(number, poisoned_step=1), **options
    )
    assert [bool(each["finite"]) for each in results] == [True, False, False]
    assert int(optimizer.iterations.numpy()) == 1
    for name, value in good.items():
        np.testing.assert_array_equal(value, same[name])


@pytest.mark.parametrize("replicas", [1, 2])
def test_steps_in_one_call_are_the_same_to_the_bit(replicas):
    options = {"make_optimizer": lambda: adam(learning_rate=0.01), "replicas": replicas, "steps": 4}
    weights, results, _ = train(**options)
    together, (last,), _ = train(in_one_call=True, **options)
    for name, value in weights.items():
        np.testing.assert_array_equal(value, together[name])
    assert last["steps"] == 4 and last["finite"] and last["data_wait_seconds"] > 0
    for name in results[-1]:
        np.testing.assert_array_equal(results[-1][name], last[name])


def test_a_bad_step_in_a_call_is_told_and_the_rest_changes_nothing():
    options = {"make_optimizer": lambda: adam(learning_rate=0.01)}
    good, results, _ = train(steps=2, **options)
    weights, (bad,), optimizer = train(
        steps=5, in_one_call=True, batch_of=lambda n: toy_batch(n, poisoned_step=2), **options
    )
    assert bad["steps"] == 2 and not bad["finite"] and np.isnan(bad["loss"])
    assert int(optimizer.iterations.numpy()) == 2
    for name, value in good.items():
        np.testing.assert_array_equal(value, weights[name])


def test_draw_keys_depend_on_seed_and_example_alone():
    keys = draw_keys(7, tf.constant([0, 5, 2**31 + 5], tf.int64)).numpy()
    np.testing.assert_array_equal(keys, [[7, 0], [7, 5], [7, 5]])
    assert keys.dtype == np.int32


def test_an_unknown_strategy_names_the_closest():
    with pytest.raises(ValueError, match="Closest: `mirrored`"):
        make_strategy("mirored")


@pytest.mark.parametrize(("gpus", "name"), [([], "AUTO"), (["GPU"], "NCCL")])
def test_machines_with_gpus_ask_for_nccl(gpus, name, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    monkeypatch.setattr(
        tf.distribute, "MultiWorkerMirroredStrategy", lambda communication_options: communication_options
    )
    assert make_strategy("multi_worker").implementation.name == name


def test_determinism_is_asked_of_tensorflow(monkeypatch):
    asked = []
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: asked.append(True))
    for deterministic in (False, True):
        Training(
            make_optimizer=lambda: sgd(learning_rate=0.1), execution=Execution(deterministic=deterministic)
        )
    assert asked == [True]
