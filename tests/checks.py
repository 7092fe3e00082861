"""One call that holds a layer to everything a Keras layer of this project promises."""

import inspect

import keras
import numpy as np
import tensorflow as tf

# The softmax over keys does not see what all keys share, so this weight's gradient is nothing but rounding.
WITHOUT_GRADIENT = ("/key/bias",)


def check_layer(make, inputs, *, trains=True, build=None):
    """Builds, runs eagerly and in a graph, serialises, runs in mixed bfloat16, and sends a gradient to every
    weight.

    Args:
        make: gives the layer, of the precision that is set, with whatever parts it is composed of.
        inputs: the arguments of its call by name; arrays become tensors, everything else stays as it is.
        trains: whether the call takes `training` and must run in both modes.
        build: the arguments of its `build` by name.

    Returns:
        the built layer and its output, for further claims.
    """
    # The same weights whatever ran before: all ReLU channels of a narrow layer may be dead by chance.
    keras.utils.set_random_seed(0)
    build = build or {}
    layer = make()
    layer.build(**build)
    for weight in layer.weights:
        if weight.path.endswith("third/norm/gamma"):  # begins at 0, and lets no gradient through
            weight.assign(np.ones(weight.shape))
    static = {name: value for name, value in inputs.items() if not isinstance(value, np.ndarray)}
    tensors = {name: tf.constant(value) for name, value in inputs.items() if isinstance(value, np.ndarray)}
    output = layer(**tensors, **static)
    _check_graph(layer, tensors, static, output)
    if trains:
        for part in _floats(layer(**tensors, **static, training=True)):
            assert np.isfinite(part).all()
    assert list(layer.get_config()) == signature_of(type(layer))
    _check_round_trip(layer, build, tensors, static)
    _check_gradients(layer, tensors, static)
    _check_mixed_precision(make, build, tensors, static)
    return layer, output


def signature_of(constructor):
    """Names of the constructor's arguments that `get_config` must give."""
    names = list(inspect.signature(constructor.__init__).parameters)[1:]
    return [name for name in names if name not in constructor.not_in_config]


def _floats(output):
    return [part for part in tf.nest.flatten(output) if part is not None and part.dtype.is_floating]


def _check_graph(layer, tensors, static, output):
    compiled = tf.function(lambda given: layer(**given, **static), autograph=False)
    for eager, graph in zip(_floats(output), _floats(compiled(tensors)), strict=True):
        np.testing.assert_allclose(graph, eager, rtol=1e-5, atol=1e-5)
        assert graph.shape == eager.shape


def _check_round_trip(layer, build, tensors, static):
    output = layer(**tensors, **static)
    saved = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(saved)
    assert type(again) is type(layer)
    if not again.built:
        again.build(**build)
    assert [v.path for v in again.weights] == [v.path for v in layer.weights]
    again.set_weights(layer.get_weights())
    for before, after in zip(_floats(output), _floats(again(**tensors, **static)), strict=True):
        np.testing.assert_array_equal(before, after)


def _check_gradients(layer, tensors, static):
    with tf.GradientTape() as tape:
        generator = np.random.default_rng(0)
        total = 0.0
        for part in _floats(layer(**tensors, **static)):
            total += tf.reduce_sum(part * generator.normal(size=part.shape).astype("float32"))
    weights = layer.trainable_weights
    gradients = tape.gradient(total, [weight.value for weight in weights]) if weights else []
    for weight, gradient in zip(weights, gradients):
        assert gradient is not None, f"no gradient reaches {weight.path}"
        if not weight.path.endswith(WITHOUT_GRADIENT):
            assert tf.reduce_max(tf.abs(tf.convert_to_tensor(gradient))) > 0, (
                f"zero gradient at {weight.path}"
            )


def _check_mixed_precision(make, build, tensors, static):
    keras.config.set_dtype_policy("mixed_bfloat16")
    layer = make()
    keras.config.set_dtype_policy("float32")
    layer.build(**build)
    for part in _floats(layer(**tensors, **static)):
        assert part.dtype == tf.bfloat16
        assert np.isfinite(tf.cast(part, tf.float32)).all()
    for weight in layer.trainable_weights:
        assert weight.dtype == "float32"
