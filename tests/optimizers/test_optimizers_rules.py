"""Optimizers: Keras's own rules bit for bit, Muon, LAMB by hand, decoupled weight decay."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from vatt.engines.optimization import Optimization
from vatt.engines.tensorflow.update import Update
from vatt.optimizers import factories as optimizers
from vatt.optimizers.weight_decay import WeightDecay


@pytest.mark.parametrize(
    ("make", "kerass_own"),
    [
        (optimizers.adam, keras.optimizers.Adam),
        (optimizers.sgd, lambda learning_rate: keras.optimizers.SGD(learning_rate, momentum=0.9)),
    ],
)
def test_the_rules_are_those_of_keras(make, kerass_own):
    weight, gradients = np.float32([1.0, -2.0]), np.float32([[0.1, 3.0], [0.2, -1.0], [0.0, 0.5]])
    ours, kerass = keras.Variable(weight, name="kernel"), keras.Variable(weight, name="kernel")
    optimizer, reference = make(learning_rate=0.01), kerass_own(learning_rate=0.01)
    optimizer.build([ours])
    update = Update(optimizer=optimizer, variables=[ours])
    for gradient in gradients:
        update.apply([tf.constant(gradient)], [None])
        reference.apply([tf.constant(gradient)], [kerass])
    np.testing.assert_array_equal(ours.numpy(), kerass.numpy())
    assert int(optimizer.iterations.numpy()) == 3


def adam_steps(make, changes):
    """Weights and slots after three compiled steps of eight variables; slots; operations."""
    shapes, draw = [(3, 4), *[(5,)] * 7], np.random.default_rng(0)
    weights = [draw.normal(size=shape).astype("float32") for shape in shapes]
    variables = [keras.Variable(weight, name=f"v{number}") for number, weight in enumerate(weights)]
    optimizer = make(learning_rate=0.01)
    optimizer.build(variables)
    step = tf.function(changes(optimizer, variables))
    for _ in range(3):
        step([tf.constant(draw.normal(size=shape), tf.float32) for shape in shapes])
    operations = step.get_concrete_function([tf.TensorSpec(shape) for shape in shapes]).graph.get_operations()
    values = [each.numpy() for each in [*variables, *optimizer.variables]]
    slots = [each.path.partition("/")[2] for each in optimizer.variables]  # after "adam_2/"
    return values, slots, len(operations)


def test_adam_is_keras_s_bit_for_bit_in_fewer_operations():
    def ours(optimizer, variables):
        update = Update(optimizer=optimizer, variables=variables)
        return lambda gradients: update.apply(gradients, [None])

    def kerass(optimizer, variables):
        return lambda gradients: optimizer.apply(gradients, variables)

    values, slots, count = adam_steps(optimizers.adam, ours)
    wanted, wanted_slots, wanted_count = adam_steps(keras.optimizers.Adam, kerass)
    assert slots == wanted_slots
    for one, other in zip(values, wanted, strict=True):
        np.testing.assert_array_equal(one, other)
    assert count < 0.65 * wanted_count


@pytest.mark.parametrize("name", ["adam", "sgd", "lamb", "muon"])
def test_weight_decay_spares_biases(name):
    own = {"weight_decay": 0.1} if name == "lamb" else {}
    optimizer = getattr(optimizers, name)(learning_rate=0.5, **own)
    kernel, bias = (keras.Variable(np.float32([2.0, -4.0]), name=name) for name in ("kernel", "bias"))
    optimizer.build([kernel, bias])
    still = [tf.zeros(2), tf.zeros(2)]
    decay = None if name == "lamb" else WeightDecay(rate=0.1)
    update = Update(
        optimizer=optimizer, variables=[kernel, bias], optimization=Optimization(weight_decay=decay)
    )
    update.apply(still, [None])
    # LAMB's step has the size of the weight: rate · ‖w‖ · w / ‖w‖.
    expected = [1.0, -2.0] if name == "lamb" else [1.9, -3.8]
    np.testing.assert_allclose(kernel.numpy(), expected, rtol=1e-6)
    np.testing.assert_array_equal(bias.numpy(), [2.0, -4.0])


def test_adam_with_weight_decay_is_keras_s_adamw():
    weight, gradients = np.float32([1.0, -2.0]), np.float32([[0.1, 3.0], [0.2, -1.0], [0.0, 0.5]])
    ours, kerass = keras.Variable(weight, name="kernel"), keras.Variable(weight, name="kernel")
    optimizer = optimizers.adam(learning_rate=0.1)
    reference = keras.optimizers.AdamW(learning_rate=0.1, weight_decay=0.3)
    optimizer.build([ours])
    decayed = Optimization(weight_decay=WeightDecay(rate=0.3))
    update = Update(optimizer=optimizer, variables=[ours], optimization=decayed)
    for gradient in gradients:
        update.apply([tf.constant(gradient)], [None])
        reference.apply([tf.constant(gradient)], [kerass])
    np.testing.assert_allclose(ours.numpy(), kerass.numpy(), rtol=1e-6)


def test_muon_makes_steps_of_matrices_orthogonal_and_leaves_the_rest_to_adam():
    draw = np.random.default_rng(0)
    shapes = {"toy/hidden/kernel": (6, 4), "toy/words/table": (5, 4), "toy/hidden/bias": (4,)}
    variables = []
    for path, shape in shapes.items():
        variable = keras.Variable(np.zeros(shape, "float32"), name=path.rpartition("/")[2])
        variable._path = path
        variables.append(variable)
    optimizer = optimizers.muon(learning_rate=0.01)
    optimizer.build(variables)
    gradients = [tf.constant(draw.normal(size=shape), tf.float32) for shape in shapes.values()]
    Update(optimizer=optimizer, variables=variables).apply(gradients, [None])
    matrix, table, bias = (variable.numpy() for variable in variables)
    sizes = np.linalg.svd(matrix, compute_uv=False)
    assert sizes.max() / sizes.min() < 2  # of the gradient: 4; Newton and Schulz end near 1
    for found, gradient in ((table, gradients[1]), (bias, gradients[2])):
        np.testing.assert_allclose(found, -0.01 * np.sign(gradient), rtol=1e-3)  # Adam's first step


def test_lamb_by_hand():
    optimizer = optimizers.lamb(learning_rate=0.1, weight_decay=0.5)
    kernel, bias = (keras.Variable(np.float32([3.0, 4.0]), name=name) for name in ("kernel", "bias"))
    optimizer.build([kernel, bias])
    gradient = tf.constant([2.0, -1.0])
    Update(optimizer=optimizer, variables=[kernel, bias]).apply([gradient, gradient], [None])
    # The first step of Adam is the sign of the gradient.
    change = np.array([1.0, -1.0]) + 0.5 * np.array([3.0, 4.0])
    np.testing.assert_allclose(
        kernel.numpy(), np.array([3.0, 4.0]) - 0.1 * 5.0 * change / np.linalg.norm(change), rtol=1e-5
    )
    np.testing.assert_allclose(bias.numpy(), [2.9, 4.1], rtol=1e-5)
