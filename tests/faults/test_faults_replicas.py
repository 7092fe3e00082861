"""Fault 17: on 1, 2 and 4 replicas, with the whole, streamed and cached loss, a step is the same step."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tests.engines.training import SEED, Training
from vatt.engines.execution import Cached, Execution, WholeBatch
from vatt.losses.contrastive import ContrastiveLoss
from vatt.optimizers.factories import sgd

ROWS, WIDTH, CANDIDATES = 16, 6, 3
FORMS = {
    "whole": (None, WholeBatch()),
    "streamed": (2, WholeBatch()),
    "cached": (None, Cached(rows=2)),
    "cached and streamed": (2, Cached(rows=2)),
}


class LinearTowers(keras.Model):
    """A dense layer as backbone and one as head for each modality, with what `Cached` asks of a model."""

    def __init__(self):
        super().__init__(name="linear_towers")
        self.backbones = {name: keras.layers.Dense(WIDTH, name=name) for name in ("video", "audio", "text")}
        self.heads = {name: keras.layers.Dense(4, name=name.replace("/", "_")) for name in self._spaces()}

    @staticmethod
    def _spaces():
        return ("video/video_audio", "video/video_text", "audio/video_audio", "text/video_text")

    def encode(self, inputs, training=False):
        return {f"{name}/pooled": ops.tanh(layer(inputs[name])) for name, layer in self.backbones.items()}

    def project(self, features, masks, training=False):
        return {name: self.heads[name](features[f"{name.partition('/')[0]}/pooled"]) for name in self.heads}

    def call(self, inputs, training=False):
        return self.project(self.encode(inputs, training=training), {}, training=training)


def batch_of(number):
    draw = np.random.default_rng([SEED, number])
    batch = {name: draw.normal(size=(ROWS, 5)).astype("float32") for name in ("video", "audio")}
    batch["text"] = draw.normal(size=(ROWS, CANDIDATES, 5)).astype("float32")
    batch["audio_mask"] = np.float32([1, 1, 0, 1] * 4)
    batch["text_mask"] = (draw.uniform(size=(ROWS, CANDIDATES)) < 0.7).astype("float32")
    batch["text_mask"][:4] = 0  # a replica of four has no text at all
    batch["example_index"] = np.arange(ROWS, dtype="int64")
    return {name: tf.constant(value) for name, value in batch.items()}


def device_inputs(batch, training):
    return {**batch, "text": tf.reshape(batch["text"], (-1, 5))}


@functools.cache
def step_of(form, replicas):
    """Loss, its parts, and by how much a step of plain SGD moves every weight: the gradient."""
    block_rows, gradients = FORMS[form]
    training = Training(
        make=lambda: (LinearTowers(), ContrastiveLoss(block_rows=block_rows), device_inputs),
        batch_of=batch_of,
        make_optimizer=lambda: sgd(learning_rate=1.0, momentum=0.0),
        replicas=replicas,
        execution=Execution(gradients=gradients),
    )
    before = training.weights()
    results = training.run(1)[0]
    after = training.weights()
    return results, {name: after[name] - before[name] for name in before}


@pytest.mark.parametrize("replicas", [1, 2, pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.parametrize("form", FORMS)
def test_fault_17_loss_and_gradients_are_the_same(form, replicas):
    expected, gradients = step_of("whole", 1)
    assert expected["gradient_norm"] > 0.1
    results, found = step_of(form, replicas)
    for name in ("loss", "loss/video_audio", "loss/video_text"):
        np.testing.assert_allclose(results[name], expected[name], rtol=1e-6, err_msg=name)
    assert found.keys() == gradients.keys() and len(found) == 14
    for name, gradient in gradients.items():
        np.testing.assert_allclose(found[name], gradient, rtol=1e-5, atol=1e-5, err_msg=name)
