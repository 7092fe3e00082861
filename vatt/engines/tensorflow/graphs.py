"""Lets traced graphs end with those who use them.

TensorFlow has a registry of gradients, by name. `tf.custom_gradient` adds one for each of its calls in a
graph, which refers to the graph, and nothing takes it out: each training in a process would leave 75 MB.
There is no public way to them; this file alone knows what TensorFlow keeps of them.
"""

import inspect
import weakref
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from vatt.engines.private_names import GRADIENTS


def registered_gradients() -> set[str]:
    """Names of the gradients that custom gradients have registered in this process."""
    return {name for name in list(GRADIENTS) if name.startswith("CustomGradient-")}


def release_graphs() -> None:
    """Makes each graph the owner of its custom gradients, instead of the registry.

    Who still has the graph can differentiate it as before. Where nobody has, Python's garbage collector frees
    it, and the registry forgets its gradients.
    """
    for name in registered_gradients():
        entry = GRADIENTS.get(name)
        if entry is None:  # the garbage collector has taken it out since
            continue
        graph = _graph_of(entry["type"])
        if graph is not None:
            graph.own_gradients = [*getattr(graph, "own_gradients", ()), entry["type"]]
            GRADIENTS[name] = {**entry, "type": _weakly(entry["type"])}
            weakref.finalize(graph, GRADIENTS.pop, name, None)


def _graph_of(gradient: Callable) -> Any:
    """The graph whose tensors a registered gradient refers to; None where a loaded model or this file made
    the entry.
    """
    wrapped = inspect.getclosurevars(gradient).nonlocals.get("tape_grad_fn")
    if wrapped is None:
        return None
    # TensorFlow 2.23's nightlies do not keep it: there a graph stays as long as the process.
    results = tf.nest.flatten(inspect.getclosurevars(wrapped).nonlocals.get("result", ()))
    return next((result.graph for result in results if isinstance(result, tf.Tensor)), None)


def _weakly(gradient: Callable) -> Callable:
    """A call of `gradient` that does not keep it."""
    reference: Any = weakref.ref(gradient)
    return lambda *arguments: reference()(*arguments)
