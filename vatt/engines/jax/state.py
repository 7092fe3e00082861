"""The state of a training run under JAX."""

import contextlib
import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from vatt.engines.jax import checkpoint
from vatt.engines.jax.devices import Devices
from vatt.engines.jax.loss_scale import LossScale


@dataclasses.dataclass(frozen=True, kw_only=True)
class State:
    """All that steps change; every field but `devices` is part of a checkpoint.

    Args:
        model: its variables exist.
        devices: where values lie.
        optimizer: a Keras optimizer, built for `variables`; None where nothing is trained.
        loss: Keras variables that the loss trains.
        averages: of `variables`, Keras variables; empty without an average.
        loss_scale: for float16; None disables scaling.
    """

    model: Any
    devices: Devices
    optimizer: Any = None
    loss: Sequence[Any] = ()
    averages: Sequence[Any] = ()
    loss_scale: LossScale | None = None
    _numbers: Iterator[int] = dataclasses.field(default_factory=itertools.count, init=False, repr=False)

    @property
    def variables(self) -> list:
        """The Keras variables that are trained."""
        return [*self.model.trainable_variables, *self.loss]

    @property
    def held(self) -> list:
        """Every Keras variable that steps change."""
        return [variable for part in self._parts().values() for variable in part.values()]

    def snapshot(self) -> "Snapshot":
        """The values of now, as far as this process holds them, copied to its machine's memory: a step gives
        its arrays away.
        """
        parts = {
            name: {path: _in_memory(each.value) for path, each in part.items()}
            for name, part in self._parts().items()
        }
        number = next(self._numbers) if self.devices.divide_among_processes else None
        return Snapshot(jax.block_until_ready(parts), number)

    def read(self, prefix: str, *, partly: bool = False) -> None:
        """Reads what a snapshot wrote, on any number of devices; raises `RunError` where it does not fit.

        Args:
            prefix: of the files.
            partly: files may hold more than this: an evaluation needs no optimizer.
        """
        parts = self._parts()

        def place(each):
            return jax.ShapeDtypeStruct(each.shape, each.dtype, sharding=self.devices.of_weight(each.shape))

        wanted = {name: {p: place(each) for p, each in part.items()} for name, part in parts.items()}
        for name, values in checkpoint.read(prefix, wanted, partly=partly).items():
            for path, value in values.items():
                parts[name][path].assign(value)

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Within the block the model has its averaged weights, if there is an average, and is whole on this
        process's devices.
        """
        before = [(variable, variable.value) for variable in [*self.model.variables, *self.loss]]
        averages = {id(variable): each for variable, each in zip(self.variables, self.averages)}
        for variable, value in before:
            kept = averages[id(variable)].value if id(variable) in averages else value
            variable.assign(self.devices.gathered(kept))
        try:
            yield
        finally:
            for variable, value in before:
                variable.assign(value)

    def _parts(self) -> dict[str, dict[str, Any]]:
        """Name of a part -> path -> Keras variable."""
        optimizer = self.optimizer.variables if self.optimizer is not None else ()
        paths = [variable.path for variable in self.variables]
        parts = {
            "model": _by_path(self.model.variables),
            "loss": _by_path(self.loss),
            "optimizer": _by_path(optimizer),
            "average": dict(zip(paths, self.averages)),
            "loss_scale": _by_path(self.loss_scale.variables if self.loss_scale else ()),
        }
        return {name: part for name, part in parts.items() if part}


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """The values of a state.

    Args:
        parts: by part and path, arrays of NumPy or of JAX in the machine's memory.
        number: of this snapshot, the same in every process, where each has but its part; else None.
    """

    parts: dict[str, dict[str, Any]]
    number: int | None

    def write(self, prefix: str) -> None:
        """See `vatt.engines.protocol.Snapshot`."""
        checkpoint.write(prefix, self.parts, self.number)


def _in_memory(value: jax.Array) -> Any:
    """A copy of what this process holds of a value, outside the memory of accelerators."""
    if value.is_fully_replicated:
        return np.array(value.addressable_data(0))
    return jax.device_put(value, value.sharding.with_memory_kind("pinned_host"))


def _by_path(variables) -> dict[str, Any]:
    return {variable.path: variable for variable in variables}
