"""The JAX engine gives TensorFlow's numbers, the same on any number of devices, and loses no step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.engines.jax.training_on import Run, numbers
from tests.engines.training import predicting_model, toy_batch, toy_model
from vatt.engines.groups import Group
from vatt.engines.tensorflow.engine import TensorFlowEngine
from vatt.optimizers import factories

STEPS = 3


def by_tensorflow(steps=STEPS, **options):
    """Numbers and weights of the same steps under TensorFlow."""
    run = Run(TensorFlowEngine(tf.distribute.get_strategy()), **options)
    return numbers(run.steps(0, steps)), run.weights()


def assert_equal_runs(found, weights, theirs, their_weights):
    for name, values in theirs.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-4, err_msg=name)
    assert weights.keys() == their_weights.keys()
    for path, value in their_weights.items():
        assert np.linalg.norm(weights[path] - value) <= 1e-3 * np.linalg.norm(value), path


def test_clips_train_as_under_tensorflow(on_jax):
    """With DropToken, dropout and colour: every draw is the same."""
    with np.load(on_jax["folder"] / "clips.npz") as weights:
        assert_equal_runs(on_jax["clips"], weights, *by_tensorflow(clip_global_norm=1.0))


def test_every_optimizer_trains_as_under_tensorflow(on_jax):
    group = {"paths": ["audio"], "learning_rate_factor": 0.5, "clip_global_norm": 0.1}
    for name, found in on_jax["optimizers"].items():
        keras.utils.clear_session()  # names of layers begin anew
        theirs = by_tensorflow(
            make=toy_model,
            batch_of=toy_batch,
            optimizer=getattr(factories, name)(learning_rate=0.05),
            groups=[Group(**group)],
        )
        with np.load(on_jax["folder"] / f"{name}.npz") as weights:
            assert_equal_runs(found, weights, *theirs)


def test_devices_agree(on_jax):
    assert len(on_jax["toy_devices"]) == 4
    for each in on_jax["toy_devices"]:
        assert each["numbers"] < 1e-5 and each["weights"] < 1e-5


def test_divided_weights_leave_a_device_its_share(on_jax):
    clips = on_jax["clips"]
    assert clips["rows_of_a_device"] * 4 == clips["rows"]
    assert clips["bytes_of_a_device"] <= clips["bytes"] / 4 * 1.05


def test_parts_of_a_batch_give_the_gradients_of_the_whole(on_jax):
    for each in on_jax["accumulated"]:
        assert each["numbers"] < 1e-5 and each["weights"] < 1e-5


def test_settings_that_have_no_effect_are_said(on_jax):
    deterministic, compiled = on_jax["without_effect"]
    assert "Execution.deterministic=True" in deterministic and "Execution.jit_compile=False" in compiled


def test_a_bad_step_changes_nothing_nor_do_those_after_it(on_jax):
    found = on_jax["bad_steps"]
    assert found["unchanged"]
    assert found["stopped"] == [False, 0, False], "the loss is that of the bad step, not of the one after it"
    assert found["further"] == [True, 2]


def test_an_overflow_halves_the_scale_of_the_loss_and_changes_nothing_else(on_jax):
    found = on_jax["loss_scale"]
    assert found["finite"] and found["unchanged"]
    assert found["scales"] == [2.0**30, 2.0**29]


def test_a_run_resumes_bit_exactly_and_on_other_devices(on_jax):
    found = on_jax["resumed"]
    assert found["same"] == 0
    assert found["one"] < 1e-5 and found["two"] < 1e-5
    assert found["averaged"] > 1e-4, "the average is behind the weights"


def test_devices_share_an_evaluation(on_jax):
    found = on_jax["evaluated"]
    for name in ("whole", "divided"):
        assert found[name].keys() == found["one"].keys()
        for output, vectors in found["one"].items():
            np.testing.assert_allclose(found[name][output], vectors, atol=1e-6, rtol=1e-6, err_msg=output)
    assert [found[f"{name}_rows"] for name in ("one", "whole", "divided")] == [8, 2, 2]


def test_what_does_not_fit_or_is_not_there_is_named(on_jax):
    assert "does not fit: average: " in on_jax["resumed"]["unlike"]
    assert "ckpt-3.orbax (nothing is there)" in on_jax["resumed"]["missing"]


def test_a_step_takes_the_memory_of_what_it_replaces(on_jax):
    for found in on_jax["donated"].values():
        assert found["deleted"] == found["arrays"] > 10
        assert not found["elsewhere"], "each new array is where an old one was"
        assert found["bytes"][0] == found["bytes"][1]


def test_products_of_rounded_factors_are_those_of_bfloat16(on_jax):
    if on_jax["products"] is None:
        pytest.skip("this processor does not multiply bfloat16")
    assert len(on_jax["products"]) == 6
    assert 0 < max(on_jax["products"]) < 2**-7, "each factor is rounded to 8 bits"


@pytest.mark.slow
def test_devices_agree_on_clips(slowly_on_jax):
    """And on patches that the host chose."""
    assert len(slowly_on_jax["clip_devices"]) == 2
    for each in slowly_on_jax["clip_devices"]:
        assert each["numbers"] < 1e-5 and each["weights"] < 1e-5


@pytest.mark.slow
def test_cached_features_give_the_gradients_of_the_whole_batch(slowly_on_jax):
    for each in slowly_on_jax["cached"]:
        assert each["numbers"] < 5e-5 and each["weights"] < 1e-4


@pytest.mark.slow
def test_latent_prediction_trains_as_under_tensorflow_and_divided_among_devices(slowly_on_jax):
    found = slowly_on_jax["latent_prediction"]
    options = {"optimizer": factories.sgd(learning_rate=0.1), "clip_global_norm": 1.0}
    keras.utils.clear_session()
    with np.load(slowly_on_jax["folder"] / "latent_prediction.npz") as weights:
        assert_equal_runs(found, weights, *by_tensorflow(make=predicting_model, **options))
    for each in found["devices"]:
        assert each["numbers"] < 1e-5 and each["weights"] < 1e-5


@pytest.mark.slow
def test_a_model_of_a_billion_weights_is_planned_on_eight_devices(slowly_on_jax):
    giant = slowly_on_jax["giant"]
    assert 1.0e9 < giant["weights"] < 1.1e9
    assert giant["bytes"] > 12 * giant["weights"], "weights and two moments"
    assert giant["bytes_of_a_device"] <= giant["bytes"] / 8 * 1.05
    assert giant["outputs"] > 3 * 40 * 16
