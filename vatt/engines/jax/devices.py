"""Which devices a run uses, by name, and what lies where on them.

The devices are a grid: processes × the devices of each. The rows of a batch are divided among all of them.
Weights are on every device ("data"), or divided among all of them ("fsdp"): each process then holds a part
of the model, and what needs the whole of it asks every process for its part.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from vatt.errors import closest
from vatt.protocols import Batch

STRATEGIES = ("one_device", "data", "fsdp")
_ROWS = PartitionSpec(("processes", "devices"))


class Devices:
    """The devices of a strategy.

    Args:
        strategy: "one_device" (the first GPU or TPU if there is one, else the CPU), "data" (all devices of
            all processes, the weights on each), or "fsdp" (the same, the weights and all that is kept for
            them divided among all of them).

        among: the devices that there are; None: all.

    Attributes:
        count: how many there are.
        divide_among_processes: whether a process holds a part of the weights alone.
    """

    def __init__(self, strategy: str, among: Sequence[Any] | None = None):
        if strategy not in STRATEGIES:
            raise ValueError(
                f"`strategy` must be one of {', '.join(STRATEGIES)} on JAX. Received: {strategy!r}."
                f"{closest(strategy, STRATEGIES)}"
            )
        self._strategy = strategy
        chosen = jax.local_devices()[:1] if strategy == "one_device" else among or jax.devices()
        processes = len({device.process_index for device in chosen})
        self.mesh = Mesh(np.array(chosen).reshape(processes, -1), ("processes", "devices"))
        self.count = self.mesh.size
        self.divide_among_processes = strategy == "fsdp" and processes > 1
        self.everywhere = NamedSharding(self.mesh, PartitionSpec())
        self._rows = NamedSharding(self.mesh, _ROWS)

    def describe(self) -> str:
        """The devices, in words."""
        kinds = sorted({f"{device.platform} {device.device_kind}" for device in self.mesh.devices.flat})
        divided = ", weights divided among them" if self._strategy == "fsdp" else ""
        return f"JAX {jax.__version__}: {self.count} x {', '.join(kinds)}{divided}"

    @functools.cached_property
    def here(self) -> "Devices":
        """Those of this process alone."""
        return Devices(self._strategy, self.mesh.local_devices)

    def of_weight(self, shape: Sequence[int]) -> NamedSharding:
        """Where a weight of this shape lies: divided along the longest axis that all devices divide, or else
        those of a process.
        """
        for names in (self.mesh.axis_names, ("devices",)) if self._strategy == "fsdp" else ():
            parts = math.prod(self.mesh.shape[name] for name in names)
            axes = [axis for axis, size in enumerate(shape) if size % parts == 0]
            if axes:
                axis = max(axes, key=shape.__getitem__)
                return NamedSharding(self.mesh, PartitionSpec(*[None] * axis, names))
        return self.everywhere

    def place(self, value: Any) -> jax.Array:
        """A weight, the same in every process, where it lies during the run."""
        value, sharding = np.asarray(value), self.of_weight(np.shape(value))
        return jax.make_array_from_callback(value.shape, sharding, lambda part: value[part])

    def rows(self, batch: Batch) -> dict[str, jax.Array]:
        """A global batch from this process's rows of it, arrays of NumPy."""
        return {
            name: jax.make_array_from_process_local_data(self._rows, value) for name, value in batch.items()
        }

    def gathered(self, weight: jax.Array) -> jax.Array:
        """A weight on this process's devices alone; where others hold parts of it, every process must ask."""
        if weight.is_fully_addressable:
            return weight
        if weight.is_fully_replicated:
            return self.here.place(weight.addressable_data(0))
        return self.here.place(multihost_utils.process_allgather(weight, tiled=True))

    def whole(self, weight: jax.Array) -> jax.Array:
        """Inside a compiled step, a weight gathered on every device; its gradient is divided again."""
        return jax.lax.with_sharding_constraint(weight, self.everywhere)

    def in_chunks(self, rows: jax.Array, chunks: int) -> jax.Array:
        """`[B, …]` to `[chunks, B / chunks, …]`, each chunk with equally many rows of every device."""
        share = rows.shape[0] // (self.count * chunks)
        parts = rows.reshape(self.count, chunks, share, *rows.shape[1:]).swapaxes(0, 1)
        parts = parts.reshape(chunks, self.count * share, *rows.shape[1:])
        sharding = NamedSharding(self.mesh, PartitionSpec(None, *_ROWS))
        return jax.lax.with_sharding_constraint(parts, sharding)

    def out_of_chunks(self, parts: jax.Array) -> jax.Array:
        """`in_chunks` undone."""
        chunks, rows, *rest = parts.shape
        parts = parts.reshape(chunks, self.count, rows // self.count, *rest).swapaxes(0, 1)
        return parts.reshape(chunks * rows, *rest)
