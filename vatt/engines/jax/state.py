"""The state of a training run under JAX."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from vatt.engines.jax import checkpoint
from vatt.engines.jax.devices import Devices, local
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

    @property
    def variables(self) -> list:
        """The Keras variables that are trained."""
        return [*self.model.trainable_variables, *self.loss]

    @property
    def held(self) -> list:
        """Every Keras variable that steps change."""
        return [variable for part in self._parts().values() for variable in part.values()]

    def snapshot(self) -> "Snapshot":
        """The values of now, copied to this machine's memory: a step gives its arrays away."""
        return Snapshot(
            {
                name: {path: np.array(local(each.value)) for path, each in part.items()}
                for name, part in self._parts().items()
            }
        )

    def read(self, prefix: str, *, partly: bool = False) -> None:
        """Reads what a snapshot wrote, on any number of devices; raises `RunError` where it does not fit.

        Args:
            prefix: of the files.
            partly: files may hold more than this: an evaluation needs no optimizer.
        """
        parts = self._parts()
        shapes = {
            name: {path: (tuple(each.shape), each.dtype) for path, each in part.items()}
            for name, part in parts.items()
        }
        for name, values in checkpoint.read(prefix, shapes, partly=partly).items():
            for path, value in values.items():
                parts[name][path].assign(self.devices.place(value))

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Within the block the model has its averaged weights, if there is an average, and is whole in this
        process, on all of its devices.
        """
        before = [(variable, variable.value) for variable in [*self.model.variables, *self.loss]]
        averages = {id(variable): each for variable, each in zip(self.variables, self.averages)}
        here = self.devices.here
        for variable, value in before:
            found = local(averages[id(variable)].value if id(variable) in averages else value)
            variable.assign(found if isinstance(found, jax.Array) else here.place(found))
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
    """The values of a state, by part and path."""

    parts: dict[str, dict[str, Any]]

    def write(self, prefix: str) -> None:
        """Writes files whose names begin with `prefix`; raises `OSError`."""
        checkpoint.write(prefix, self.parts)


def _by_path(variables) -> dict[str, Any]:
    return {variable.path: variable for variable in variables}
