"""What TensorFlow keeps of graphs that nobody needs any more."""

import sys


def custom_gradients():
    """Names in TensorFlow's registry of gradients; none without TensorFlow.

    Each keeps the graph that it was made in for ever, 75 MB for a run in miniature: two processes of tests
    ran out of 24 GB.
    """
    return {name for name in _registry() if name.startswith("CustomGradient-")}


def forget_graphs(before=frozenset()):
    """Lets go of the graphs of custom gradients that were made since only these were there."""
    registry = _registry()
    for name in custom_gradients() - before:
        del registry[name]


def _registry():
    module = sys.modules.get("tensorflow.python.framework.ops")
    return {} if module is None else module.gradient_registry._registry
