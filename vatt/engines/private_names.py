"""Everything used of TensorFlow that has no public name; the rest of `vatt` uses `import tensorflow` alone.

`vatt/config/gin_internals.py` is the same for gin, `vatt/engines/jax/private_names.py` for JAX; of Keras
nothing private is used. Each has a test: read its changes against these files before a pin is raised.
"""

from collections.abc import MutableMapping
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import cancellation
from tensorflow.python.framework import ops

# Name -> {"type": gradient, …}: one for each call of `tf.custom_gradient` in a graph.
GRADIENTS: MutableMapping[str, dict[str, Any]] = ops.gradient_registry._registry

CancellationManager: Any = cancellation.CancellationManager
CancellationManagerContext: Any = cancellation.CancellationManagerContext


def function_in(graph: tf.Graph, name: str) -> Any:
    """The function that a graph calls by a name; None where it has none. Foreign ones have no `graph`."""
    return graph._get_function(name)


__all__ = ["GRADIENTS", "CancellationManager", "CancellationManagerContext", "function_in"]
