"""The model of a finished or running run of ours, straight from its directory.

`Trainer` describes its model in `model.json` before the first step, and the weights are in its checkpoints.
Neither needs the run's configuration, which belongs to another process.
"""

import logging
import re
from pathlib import Path
from typing import Any

import keras

from vatt.convert.report import ConversionError
from vatt.files.json_file import JsonError, read_object
from vatt.models.bounds import check_description
from vatt.models.loading import register_models
from vatt.train.context import MODEL_FILE

_log = logging.getLogger(__name__)

_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"  # of TensorFlow's checkpoints
ORBAX = ".orbax"  # the folder of a checkpoint of the JAX engine


def run_of(path: str | Path) -> tuple[Path, int | None] | None:
    """The run directory and the step of a path: RUN or RUN/checkpoints/ckpt-STEP; None if it is neither.

    The step is None if it is "the newest".
    """
    path = Path(path).expanduser()
    if (path / MODEL_FILE).is_file():
        return path, None
    named = re.fullmatch(r"ckpt-(\d+)(\.index|\.orbax)?", path.name)
    if named and (path.parents[1] / MODEL_FILE).is_file():
        return path.parents[1], int(named[1])
    return None


def load_run(path: str | Path) -> Any:
    """The model of a run, with the weights that its evaluators saw: their average, where the run keeps one.

    Args:
        path: the run directory, for its newest whole checkpoint, or RUN/checkpoints/ckpt-STEP.
    """
    from vatt.train.checkpoint_folder import CheckpointFolder

    found = run_of(path)
    if found is None:
        raise ValueError(f"The path must be RUN or RUN/checkpoints/ckpt-STEP. Received: {path}.")
    directory, step = found
    checkpoints = CheckpointFolder(directory / "checkpoints")
    whole = [each for each in checkpoints.steps() if checkpoints.is_whole(each)]
    if step is None and whole:
        step = whole[-1]
    if step not in whole:
        there = f"It has those of the steps {', '.join(map(str, whole))}." if whole else "It has none yet."
        wanted = "none" if step is None else f"ckpt-{step}"
        raise ConversionError(
            f"A run must have a whole checkpoint to start from. Received: {wanted} of {directory}. {there}"
        )
    prefix = checkpoints.prefix(step)
    bytes_of_all = sum(file.stat().st_size for file in checkpoints.files(step))
    model = described(directory / MODEL_FILE, weights=bytes_of_all)
    is_of_jax = Path(f"{prefix}{ORBAX}").is_dir()
    weights, averages = (_jax_weights if is_of_jax else _tensorflow_weights)(str(prefix), model)
    for variable in model.variables:
        value = averages.get(variable.path, weights.get(variable.path))
        if value is None or tuple(value.shape) != tuple(variable.shape):
            raise ConversionError(
                f"A checkpoint must hold what {MODEL_FILE} describes. Received: {prefix}, where "
                f"{variable.path} {'is missing' if value is None else f'is {value.shape}'} and should be "
                f"{tuple(variable.shape)}. Copy the run again."
            )
        variable.assign(value)
    _log.info("Weights%s of step %d of %s.", " (averaged)" if averages else "", step, directory)
    return model


def _jax_weights(prefix, model):
    """Path -> value of the variables, and of the averages of those that have one, of the JAX engine."""
    try:
        from vatt.engines.jax import checkpoint
    except ImportError as error:
        raise ConversionError(
            f"A run of --engine jax is read by JAX and Orbax. Received: {prefix}, and no module named "
            f"{error.name!r}. Install them: pip install 'vatt[jax]'."
        ) from error
    return checkpoint.weights(prefix)


def _tensorflow_weights(prefix, model):
    """The same of the TensorFlow engine: its own names of a variable in a dictionary, averages by number."""
    import tensorflow as tf  # which opening `.keras` files does not need

    reader = tf.train.load_checkpoint(prefix)
    names = {
        each.path: f"model/{each.path.replace('.', '..').replace('/', '.S')}" for each in model.variables
    }
    weights = {
        path: reader.get_tensor(name + _VALUE)
        for path, name in names.items()
        if reader.has_tensor(name + _VALUE)
    }
    averaged = {
        variable.path: f"average/averages/{number}{_VALUE}"
        for number, variable in enumerate(model.trainable_variables)
    }
    return weights, {
        path: reader.get_tensor(name) for path, name in averaged.items() if reader.has_tensor(name)
    }


def described(path: Path, *, weights: int | None = None) -> Any:
    """The model that `Trainer` described, with new weights.

    Args:
        weights: how many the run's checkpoint can hold; None where the model is built without weights.

    Raises:
        ConversionError: it describes no model of this version.
    """
    try:
        config = read_object(path)
        name = str(config.get("registered_name"))
    except JsonError as error:
        raise ConversionError(
            f"A run's model must be described in JSON. Received: {path} ({error.problem}). "
            "Copy the run again."
        ) from error
    if not name.startswith("vatt>"):
        raise ConversionError(
            f"The model must be one of this project's. Received: {path} with a model of class {name!r}. "
            "Build yours in Python and restore it with `vatt.train.checkpoint_folder.CheckpointFolder`."
        )
    register_models()
    check_description(config, source=path, weights=weights)
    try:
        return keras.saving.deserialize_keras_object(config)
    except Exception as error:  # whatever a class makes of settings that are not its own
        raise ConversionError(
            f"A run's model must be described as this version describes it. Received: {path} "
            f"({type(error).__name__}: {str(error):.300}). Open it with the version that wrote it, or "
            "train again."
        ) from error
