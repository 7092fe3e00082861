"""Starts the engine of a run: that of Keras' backend."""

import importlib

import keras

from vatt.engines.protocol import Engine
from vatt.errors import RunError

# Keras' backend -> the module whose `start(strategy)` gives an engine on the devices of a strategy's name.
ENGINES = {"tensorflow": "vatt.engines.tensorflow.engine", "jax": "vatt.engines.jax.engine"}


def start_engine(strategy: str) -> Engine:
    """The engine on the devices of a strategy's name; several workers find each other here."""
    backend = keras.backend.backend()
    if backend not in ENGINES:
        raise RunError(
            f"A run needs an engine for Keras' backend, of which there are {', '.join(ENGINES)}. Received: "
            f"KERAS_BACKEND={backend}. Unset it."
        )
    return importlib.import_module(ENGINES[backend]).start(strategy)
