"""The state of a training run under TensorFlow, and the files that hold it."""

import contextlib
import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vatt.engines.tensorflow.average import AveragedWeights
from vatt.engines.tensorflow.loss_scale import LossScale
from vatt.errors import RunError, reason_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class State:
    """All that steps change; every field that is there is part of a checkpoint.

    Args:
        model: its variables exist.
        optimizer: a Keras optimizer, built for `variables`; None where nothing is trained.
        loss: Keras variables that the loss trains.
        average: the averaged weights; None without an average.
        loss_scale: for float16; None disables scaling.
    """

    model: Any
    optimizer: Any = None
    loss: Sequence[Any] = ()
    average: AveragedWeights | None = None
    loss_scale: LossScale | None = None
    _buffers: dict[int, np.ndarray] = dataclasses.field(default_factory=dict, init=False, repr=False)

    @property
    def variables(self) -> list:
        """The Keras variables that are trained."""
        return [*self.model.trainable_variables, *self.loss]

    def snapshot(self) -> "Snapshot":
        """The values of now, in this machine's memory, until the next snapshot takes its place there.

        New memory takes several times as long to fill as memory that was filled before.
        """
        return Snapshot(self._checkpoint(), self._buffers)

    def read(self, prefix: str, *, partly: bool = False) -> None:
        """Reads what a snapshot wrote; nothing may be missing.

        Args:
            prefix: of the files.
            partly: files may hold more than this: an evaluation needs no optimizer.

        Raises:
            RunError: the files do not fit.
        """
        try:
            status = self._checkpoint().read(prefix)
            if partly:
                status.assert_existing_objects_matched().expect_partial()
            else:
                status.assert_consumed()
        except (AssertionError, ValueError, tf.errors.OpError) as error:
            reason = reason_of(error).splitlines()[0]
            raise RunError(
                f"The checkpoint must hold exactly what the model and the optimizer hold. "
                f"Received: {prefix}, which does not fit: {reason}. "
                "Use the code and configuration that wrote it, or another MODEL_DIR."
            ) from error

    def averaged(self) -> contextlib.AbstractContextManager[None]:
        """Within the block the model has its averaged weights, if there is an average."""
        return contextlib.nullcontext() if self.average is None else self.average.in_model()

    def _checkpoint(self) -> tf.train.Checkpoint:
        """TensorFlow's checkpoint, a Keras model as its variables by path.

        TensorFlow's own walk through a model does not reach every layer (none of those held in a tuple):
        their weights would be saved as the optimizer's alone, and lost to readers of the model without it.
        """
        model, loss = self.model, _by_path(self.loss)
        held = {
            "model": _by_path(model.variables) if isinstance(model, keras.Model) else model,
            "optimizer": self.optimizer,
            "loss": loss or None,
            "average": self.average,
            "loss_scale": self.loss_scale,
        }
        return tf.train.Checkpoint(**{name: each for name, each in held.items() if each is not None})


class Snapshot:
    """The values that a checkpoint's variables have when it is taken.

    Args:
        checkpoint: the objects that hold them.
        buffers: what the values are copied to, by variable's `id`; filled by the first snapshot.
    """

    def __init__(self, checkpoint: tf.train.Checkpoint, buffers: dict[int, np.ndarray]):
        self._view, self._root, self._values = tf.train.TrackableView(checkpoint), checkpoint, buffers
        for each in self._view.descendants():
            if isinstance(each, tf.Variable | keras.Variable):
                value = np.asarray(tf.convert_to_tensor(each))  # on a CPU, no copy yet
                np.copyto(buffers.setdefault(id(each), np.empty_like(value)), value)

    def write(self, prefix: str) -> None:
        """Writes files whose names begin with `prefix`, which `State.read` reads.

        Raises:
            OSError: they could not be written.
        """
        copies: dict[int, Any] = {}
        try:
            with tf.device("CPU:0"):
                tf.train.Checkpoint(root=self._copy(self._root, copies)).write(prefix)
        except tf.errors.OpError as error:
            raise OSError(reason_of(error)) from error

    def _copy(self, held, copies):
        """An object of the same structure whose variables have the values of the snapshot."""
        if id(held) in copies:
            return copies[id(held)]
        if id(held) in self._values:
            copies[id(held)] = tf.Variable(self._values[id(held)], trainable=False)  # pyright: ignore
        else:
            copies[id(held)] = node = tf.__internal__.tracking.AutoTrackable()
            for name, child in self._view.children(held).items():
                setattr(node, name, self._copy(child, copies))
        return copies[id(held)]


def _by_path(variables) -> dict[str, Any]:
    return {variable.path: variable.value for variable in variables}
