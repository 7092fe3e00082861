"""Run by test_models_backends in a process of its own, under another Keras backend: one training step's
gradients of an encoder, each way its attention may go.

Usage: python gradient_parity.py GRADIENTS.npz, the results of `gradients()` of the TensorFlow backend.
"""

import sys

import numpy as np

TOLERANCE = 1e-5
# name -> (tokens, below and above `attention.LONG`; dropout; whether blocks are recomputed)
CASES = {
    "short, dropout": (9, 0.3, False),
    "long": (130, 0.0, False),
    "long, recomputed": (130, 0.0, True),
    "long, dropout": (130, 0.3, False),
    "long, dropout, recomputed": (130, 0.3, True),
}
WIDTH, ROWS = 12, 2


def encoder(rate, recompute):
    """Relative positions, two norms, and weights that do not depend on the backend."""
    from vatt.layers.architecture import Form, Size
    from vatt.layers.relative_bias import RelativeBias
    from vatt.layers.transformer_encoder import TransformerEncoder

    made = TransformerEncoder(
        size=Size(depth=2, width=WIDTH, hidden_width=16, heads=3, head_width=4, recompute=recompute),
        form=Form(feed_forward_norm="rms"),
        relative_bias=RelativeBias(buckets=8),
        dropout_rate=rate,
    )
    made.build()
    draw = np.random.default_rng(0)
    for weight in made.weights:
        weight.assign(draw.normal(size=weight.shape).astype("float32") * 0.4)
    return made


def gradients() -> dict[str, np.ndarray]:
    """ "CASE/PATH" -> the gradient of each weight, "CASE/output" -> the loss's features."""
    import keras

    found = {}
    for case, (length, rate, recompute) in CASES.items():
        made = encoder(rate, recompute)
        draw = np.random.default_rng(1)
        tokens, upstream = draw.normal(size=(2, ROWS, length, WIDTH)).astype("float32")
        words = (np.arange(length) < [[length], [length - 4]]).astype("int32")
        values, output = _GRADIENTS[keras.backend.backend()](made, tokens, words, upstream)
        names = [weight.path for weight in made.trainable_weights]
        found |= {f"{case}/{name}": np.asarray(value) for name, value in zip(names, values, strict=True)}
        found[f"{case}/output"] = np.asarray(output)
    return found


def _loss(made, tokens, words, upstream, call):
    """Σ output · upstream, and the output; every random draw has the keys of a training step."""
    import keras

    from vatt.layers import draws

    tokens, words, upstream = (keras.ops.convert_to_tensor(each) for each in (tokens, words, upstream))
    with draws.keyed(keras.ops.convert_to_tensor(np.array([[7, 0], [7, 5]], "int32"))):
        output = call(tokens, words)
    return keras.ops.sum(output * upstream), output


def _of_tensorflow(made, tokens, words, upstream):
    import tensorflow as tf

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            loss, output = _loss(
                made, tokens, words, upstream, lambda tokens, words: made(tokens, words=words, training=True)
            )
        found = tape.gradient(loss, [weight.value for weight in made.trainable_weights])
        return [tf.convert_to_tensor(each) for each in found], output

    return step()


def _of_jax(made, tokens, words, upstream):
    import jax

    def loss(weights):
        def call(tokens, words):
            return made.stateless_call(weights, [], tokens, words=words, training=True)[0]

        return _loss(made, tokens, words, upstream, call)

    step = jax.jit(jax.grad(loss, has_aux=True))
    return step([weight.value for weight in made.trainable_weights])


def _of_torch(made, tokens, words, upstream):
    loss, output = _loss(
        made, tokens, words, upstream, lambda tokens, words: made(tokens, words=words, training=True)
    )
    loss.backward()
    return [weight.value.grad for weight in made.trainable_weights], output.detach()


_GRADIENTS = {"tensorflow": _of_tensorflow, "jax": _of_jax, "torch": _of_torch}


def main(stored):
    """Exits with an error where a gradient differs, relative to the largest of its kind."""
    import keras

    wanted, worst = dict(np.load(stored)), {}
    found = gradients()
    assert found.keys() == wanted.keys(), found.keys() ^ wanted.keys()
    for name, value in found.items():
        difference = np.abs(value - wanted[name]).max() / max(1.0, np.abs(wanted[name]).max())
        case = name.partition("/")[0]
        worst[case] = max(worst.get(case, (0.0, "")), (float(difference), name))
    for difference, name in worst.values():
        print(f"{keras.backend.backend()} {name}: {difference:.1e}")
    assert max(worst.values())[0] <= TOLERANCE, max(worst.values())
    assert not hasattr(sys.modules.get("tensorflow"), "__version__"), "TensorFlow was imported"


if __name__ == "__main__":
    main(*sys.argv[1:])
