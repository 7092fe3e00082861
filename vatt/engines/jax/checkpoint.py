"""The files of a state: Orbax's. What is divided among devices is written and read in these parts.

A checkpoint is a tree of two levels: part ("model", "optimizer", …) -> path of a variable -> value. It is
read on whatever devices there are.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vatt.engines.jax.private_names import coordinator
from vatt.errors import RunError, reason_of

SUFFIX = ".orbax"
_PATIENCE_MS = 3_600_000  # of the others with the chief, who may have to finish the checkpoint before


def write(prefix: str, parts: Mapping[str, Mapping[str, Any]], number: int | None) -> None:
    """Writes the folder PREFIX.orbax.

    Args:
        prefix: path and beginning of the name; in processes other than the chief see
            `vatt.engines.protocol.Snapshot`.
        parts: what this process holds of the values, at least.
        number: of the snapshot, where every process writes what it holds; else None.

    Raises:
        OSError: that was not possible.
    """
    path, together = Path(prefix + SUFFIX).absolute(), number is not None
    if together:
        path = _where_the_chief_writes(path, f"vatt/checkpoint/{number}")
    try:
        with _checkpointer(together=together) as checkpointer:
            checkpointer.save(path, parts)
    except ValueError as error:  # of the storage's library, such as a full disk
        raise OSError(reason_of(error)) from error


def _where_the_chief_writes(path, key):
    if jax.process_index() == 0:
        coordinator().key_value_set(key, path.parent.name)
        return path
    folder = path.parent / coordinator().blocking_key_value_get(key, _PATIENCE_MS)
    if not folder.is_dir():
        raise OSError(f"{folder}, where worker 0 writes, is not there")
    return folder / path.name


def read(
    prefix: str, wanted: Mapping[str, Mapping[str, jax.ShapeDtypeStruct]], *, partly: bool = False
) -> dict[str, dict[str, Any]]:
    """The values of these parts, where they are to lie.

    Args:
        prefix: as in `write`.
        wanted: part -> path -> shape, dtype and sharding of what there must be.
        partly: whether there may be other parts.

    Raises:
        RunError: the folder does not hold what there must be.
    """
    import orbax.checkpoint as ocp

    with _opened(prefix) as (tree, restored):
        there = {name: part for name, part in tree.items() if name in wanted or not partly}
        if difference := _difference(there, wanted):
            raise RunError(
                f"The checkpoint must hold exactly what the model and the optimizer hold. "
                f"Received: {prefix}, which does not fit: {difference}. "
                "Use the code and configuration that wrote it, or another MODEL_DIR."
            )

        def place(each):
            return ocp.ArrayRestoreArgs(restore_type=jax.Array, dtype=each.dtype, sharding=each.sharding)

        return restored({name: {p: place(v) for p, v in part.items()} for name, part in wanted.items()})


def weights(prefix: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(path -> value of the model's variables, path -> average of those that have one)."""
    import orbax.checkpoint as ocp

    as_numpy = ocp.RestoreArgs(restore_type=np.ndarray)
    with _opened(prefix) as (tree, restored):
        kept = [name for name in ("model", "average") if name in tree]
        found = restored({name: dict.fromkeys(tree[name], as_numpy) for name in kept})
    return found["model"], found.get("average", {})


def _checkpointer(*, together):
    """Of this process alone, or of all processes, which meet without the devices: steps go on meanwhile."""
    import orbax.checkpoint as ocp  # which takes half a second, and only a run needs

    if jax.process_count() == 1:
        return ocp.Checkpointer(ocp.PyTreeCheckpointHandler())
    index = jax.process_index()
    members = range(jax.process_count()) if together else [index]
    name = "all" if together else f"worker_{index}"
    options = ocp.options.MultiprocessingOptions(
        primary_host=members[0], active_processes=set(members), barrier_sync_key_prefix=name
    )
    handler = ocp.PyTreeCheckpointHandler(multiprocessing_options=options)
    return ocp.Checkpointer(handler, multiprocessing_options=options)


@contextlib.contextmanager
def _opened(prefix):
    """Shapes by part and path, and a function that gives what is asked for by restore arguments."""
    import orbax.checkpoint as ocp

    path = Path(prefix + SUFFIX).absolute()
    try:
        with _checkpointer(together=False) as checkpointer:

            def restored(arguments):
                asked = ocp.args.PyTreeRestore(
                    item=jax.tree.map(lambda _: 0, arguments), restore_args=arguments, partial_restore=True
                )
                return checkpointer.restore(path, args=asked)

            found = checkpointer.metadata(path).item_metadata
            if found is None:
                raise FileNotFoundError("nothing is there")
            yield found.tree, restored
    except (OSError, ValueError, KeyError) as error:
        raise RunError(f"The checkpoint must be whole. Received: {path} ({reason_of(error)}).") from error


def _difference(there, wanted):
    """The first few things whose shapes differ in two trees; "" where none does."""
    flat = [
        {f"{part}: {path}": tuple(each.shape) for part, v in tree.items() for path, each in v.items()}
        for tree in (there, wanted)
    ]
    names = sorted(name for name in flat[0] | flat[1] if flat[0].get(name) != flat[1].get(name))
    shown = [
        f"{name} has {flat[0].get(name, 'nothing')}, not {flat[1].get(name, 'nothing')}" for name in names
    ]
    return "; ".join([*shown[:3], *([f"and {len(shown) - 3} more"] if len(shown) > 3 else [])])
