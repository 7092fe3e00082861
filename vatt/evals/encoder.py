"""The inference call of every evaluator: a batch as a dataset gives it, through a model, to named outputs."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from vatt import spec
from vatt.layers.pixels import normalised_pixels
from vatt.protocols import Batch, Model

IMAGE = "image"  # input of models of single images, in addition to the modalities


def compiled_encoder(model: Model, outputs: Sequence[str]) -> Callable[[Batch], Batch]:
    """`encoder` as one compiled graph on TensorFlow and JAX, so keep it between evaluations. On PyTorch it
    stays eager.
    """
    encode, backend = encoder(model, outputs), keras.config.backend()
    if backend == "jax":
        return _jitted(model, encode)
    return tf.function(encode, autograph=False) if backend == "tensorflow" else encode


def _jitted(model, encode):
    import jax

    @jax.jit
    def compiled(values, inputs):
        with keras.StatelessScope(state_mapping=list(zip(model.variables, values))):
            return encode(inputs)

    def call(inputs: Batch) -> Batch:
        arrays = {name: np.asarray(value) for name, value in inputs.items()}
        return compiled([variable.value for variable in model.variables], arrays)

    return call


def encoder(model: Model, outputs: Sequence[str]) -> Callable[[Batch], Batch]:
    """The inference call: uint8 video scaled to [-1, 1] on the device, of the outputs only the named ones.

    Video of a single frame is given as "image" [B, H, W, 3] as well, for models of images.
    """

    def encode(inputs: Batch) -> Batch:
        inputs = dict(inputs)
        if spec.VIDEO in inputs:
            video = normalised_pixels(inputs[spec.VIDEO])
            inputs[spec.VIDEO] = video
            if video.shape[1] == 1:
                inputs[IMAGE] = video[:, 0]
        made = model(inputs, training=False)
        return {name: ops.cast(made[name], "float32") for name in outputs if name in made}

    return encode
