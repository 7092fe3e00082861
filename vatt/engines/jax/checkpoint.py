"""The files of a state: Orbax's, of whole arrays, however they were divided among devices.

A checkpoint is a tree of two levels: part ("model", "optimizer", …) -> path of a variable -> value. It is
read on whatever devices there are.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vatt.errors import RunError, reason_of

SUFFIX = ".orbax"


def write(prefix: str, parts: Mapping[str, Mapping[str, Any]]) -> None:
    """Writes the folder PREFIX.orbax; raises `OSError`."""
    try:
        with _checkpointer() as checkpointer:
            checkpointer.save(Path(prefix + SUFFIX).absolute(), parts)
    except ValueError as error:  # of the storage's library, such as a full disk
        raise OSError(reason_of(error)) from error


def read(
    prefix: str, shapes: Mapping[str, Mapping[str, tuple]], *, partly: bool = False
) -> dict[str, dict[str, Any]]:
    """The values of these parts.

    Args:
        prefix: as in `write`.
        shapes: part -> path -> (shape, dtype), of what there must be.
        partly: whether there may be other parts.

    Raises:
        RunError: the folder does not hold what there must be.
    """
    found = _everything(prefix)
    if partly:
        found = {name: part for name, part in found.items() if name in shapes}
    there = {
        name: {path: tuple(np.shape(each)) for path, each in part.items()} for name, part in found.items()
    }
    wanted = {name: {path: shape for path, (shape, _) in part.items()} for name, part in shapes.items()}
    if there != wanted:
        raise RunError(
            f"The checkpoint must hold exactly what the model and the optimizer hold. "
            f"Received: {prefix}, which does not fit: {_difference(there, wanted)}. "
            "Use the code and configuration that wrote it, or another MODEL_DIR."
        )
    return found


def weights(prefix: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(path -> value of the model's variables, path -> average of those that have one)."""
    found = _everything(prefix)
    return found["model"], found.get("average", {})


def _checkpointer():
    """Of this process alone: of several, the chief writes, and each reads for itself."""
    import orbax.checkpoint as ocp  # which takes half a second, and only a run needs

    if jax.process_count() == 1:
        return ocp.Checkpointer(ocp.PyTreeCheckpointHandler())
    index = jax.process_index()
    alone = ocp.options.MultiprocessingOptions(
        primary_host=index, active_processes={index}, barrier_sync_key_prefix=f"worker_{index}"
    )
    handler = ocp.PyTreeCheckpointHandler(multiprocessing_options=alone)
    return ocp.Checkpointer(handler, multiprocessing_options=alone)


def _everything(prefix):
    import orbax.checkpoint as ocp

    path = Path(prefix + SUFFIX).absolute()
    try:
        with _checkpointer() as checkpointer:
            tree = checkpointer.metadata(path).item_metadata.tree
            as_numpy = ocp.RestoreArgs(restore_type=np.ndarray)
            arguments = {part: dict.fromkeys(names, as_numpy) for part, names in tree.items()}
            return checkpointer.restore(path, restore_args=arguments)
    except (OSError, ValueError, KeyError) as error:
        raise RunError(f"The checkpoint must be whole. Received: {path} ({reason_of(error)}).") from error


def _difference(there, wanted):
    """The first few things in which two trees differ."""
    flat = [
        {f"{part}: {path}": s for part, v in tree.items() for path, s in v.items()}
        for tree in (there, wanted)
    ]
    names = sorted(name for name in flat[0] | flat[1] if flat[0].get(name) != flat[1].get(name))
    shown = [
        f"{name} has {flat[0].get(name, 'nothing')}, not {flat[1].get(name, 'nothing')}" for name in names
    ]
    return "; ".join([*shown[:3], *([f"and {len(shown) - 3} more"] if len(shown) > 3 else [])])
