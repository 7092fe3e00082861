"""Models that have shapes and no weights: a Large takes no more memory than a Small."""

import contextlib
import math
from collections.abc import Iterable, Iterator
from typing import Any

import keras


@contextlib.contextmanager
def without_weights(precision: str = "float32") -> Iterator[None]:
    """Models built in this block have variables without values, under this dtype policy.

    They are to be looked at inside the block: after it, Keras forgets them.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        keras.config.set_dtype_policy(before)
        # Or the next scope would fill the variables after all. Without values, they take no memory to free.
        keras.backend.clear_session(free_memory=False)


def weights_in(variables: Iterable) -> int:
    """Numbers in all variables together, from their shapes."""
    return sum(math.prod(variable.shape) for variable in variables)


def parts_of(model: Any) -> dict[str, Any]:
    """Every part of a model that has variables, by name; each variable is in one of them."""
    shares_encoder = getattr(model, "shares_encoder", False)
    parts = {}
    for name, tower in model.towers.items():
        for part, layer in tower.parts.items():
            shared = shares_encoder and part == "encoder"
            parts["encoder, shared" if shared else f"{name}/{part}"] = layer
    if getattr(model, "spaces", None) is not None:
        parts["heads"] = model.spaces
    if getattr(model, "prediction", None) is not None:
        parts["prediction"] = model.prediction
    if hasattr(model, "head"):
        parts["head"] = model.head
    return parts
