"""Batches larger than memory: cached and accumulated gradients are those of the whole batch."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.engines.training import NORM_TOLERANCE, SEED, Training, assert_same, clip_batch, clip_model
from vatt.engines.execution import Accumulated, Cached, Execution, WholeBatch
from vatt.engines.protocol import Task
from vatt.engines.tensorflow.gradients import gradients_of
from vatt.engines.tensorflow.step import draw_keys
from vatt.losses.classification import MultiLabelLoss, SoftmaxLoss
from vatt.optimizers.factories import sgd
from vatt.spec import EXAMPLE_INDEX

MISSING = (("audio", (1, 4)), ("text", (0, 1, 6)), ("video", (3,)))


def one_step(gradients, replicas=1, form="paper"):
    """Results, and weights that show every gradient, scaled to norm 1, and the moving statistics."""
    training = Training(
        make=functools.partial(clip_model, form=form),
        batch_of=lambda number: clip_batch(number, missing=MISSING),
        make_optimizer=lambda: sgd(learning_rate=1.0, momentum=0.0),
        clip_global_norm=1.0,
        execution=Execution(gradients=gradients),
        replicas=replicas,
    )
    return training.run(1)[0], training.weights()


@pytest.fixture(scope="module")
def whole():
    return one_step(WholeBatch())


@pytest.mark.parametrize(
    ("rows", "replicas"),
    [(2, 1), pytest.param(8, 1, marks=pytest.mark.slow), pytest.param(2, 2, marks=pytest.mark.slow)],
)
def test_cached_gradients_are_those_of_the_whole_batch(whole, rows, replicas):
    assert_cached_is(whole, *one_step(Cached(rows=rows), replicas))


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [1, 2])
def test_so_are_those_of_eq_4_and_5_as_printed(replicas):
    assert_cached_is(one_step(WholeBatch(), form="literal"), *one_step(Cached(rows=2), replicas, "literal"))


def assert_cached_is(whole, cached_results, cached_weights):
    results, weights = whole
    for name in ("loss", "loss/video_audio", "loss/video_text"):
        np.testing.assert_allclose(cached_results[name], results[name], rtol=1e-5, err_msg=name)
    np.testing.assert_allclose(cached_results["gradient_norm"], results["gradient_norm"], rtol=NORM_TOLERANCE)
    assert_same(weights, cached_weights, rtol=1e-5, atol=1e-5)  # DropToken, dropout, one moving update


def test_a_chunk_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="`Cached.rows` must divide the rows of each replica"):
        one_step(Cached(rows=3))


def classifier_step(gradients, *, loss=None):
    """Loss and gradients of a linear classifier, by default with a loss that is a mean over rows."""
    draw = np.random.default_rng(SEED)
    batch = {
        "rows": tf.constant(draw.normal(size=(8, 5)), tf.float32),
        "label": tf.one_hot(draw.integers(0, 3, 8), 3),
        EXAMPLE_INDEX: tf.range(8, dtype=tf.int64),
    }
    batch["draw_key"] = draw_keys(SEED, batch[EXAMPLE_INDEX])
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense(3)
    dense.build((None, 5))
    task = Task(
        model=lambda inputs, training: {"logits": dense(inputs["rows"])},
        loss=loss or SoftmaxLoss(),
        device_inputs=lambda batch, training: batch,
    )
    find = gradients_of(gradients, task)
    variables = [variable.value for variable in dense.trainable_variables]
    losses, gradients = tf.function(lambda: find(batch, variables, tf.constant(2.0)), autograph=False)()
    return losses["loss"].numpy(), [gradient.numpy() for gradient in gradients]


LOSSES = [SoftmaxLoss(), MultiLabelLoss(weighting="uniform"), MultiLabelLoss(weighting="inverse_count")]


@pytest.mark.parametrize("scored", LOSSES, ids=["softmax", "uniform", "inverse_count"])
def test_accumulated_gradients_are_those_of_the_whole_batch(scored):
    loss, gradients = classifier_step(WholeBatch(), loss=scored)
    for parts in (1, 2, 8):
        same_loss, same_gradients = classifier_step(Accumulated(parts=parts), loss=scored)
        np.testing.assert_allclose(same_loss, loss, rtol=1e-6)
        for one, other in zip(gradients, same_gradients, strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="`Accumulated.parts` must divide"):
        classifier_step(Accumulated(parts=3))


def test_a_contrastive_loss_is_not_accumulated():
    with pytest.raises(ValueError, match="parts=2 with `ContrastiveLoss`. Set `Execution.grad"):
        one_step(Accumulated(parts=2))
