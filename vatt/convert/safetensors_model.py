"""One of our models as `model.safetensors` next to a `config.json`: weights that any framework reads, and the
description that builds the model again.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from vatt.convert.report import ConversionError
from vatt.convert.safetensors_folder import CONFIG, SafetensorsFolder, write_folder
from vatt.models.bounds import check_description
from vatt.models.loading import register_models

_LIBRARY = "vatt"


def write_model(path: str | Path, model: Any, input_facts: dict[str, Any] | None) -> None:
    """Writes a directory; the arrays have the paths of our variables as names.

    Args:
        input_facts: see `vatt.data.description`; None where nobody knows.
    """
    arrays = {variable.path: np.asarray(variable) for variable in model.weights}
    described = keras.saving.serialize_keras_object(model)
    write_folder(path, arrays, {"library": _LIBRARY, "model": described, "inputs": input_facts})


def is_model(path: str | Path) -> bool:
    """Whether a path is a directory that `write_model` wrote."""
    path = Path(path)
    if not (path / CONFIG).is_file():
        return False
    try:
        return SafetensorsFolder(path).config.get("library") == _LIBRARY
    except ConversionError:
        return False


def read_model(path: str | Path) -> Any:
    """The model of a directory that `write_model` wrote."""
    folder = SafetensorsFolder(path)
    described = folder.setting("model", (dict,))
    name = str(described.get("registered_name"))
    if not name.startswith("vatt>"):
        raise ConversionError(
            f"The model must be one of this project's. Received: {path} with a model of class {name!r}."
        )
    register_models()
    check_description(described, source=folder.path / CONFIG, weights=folder.numbers)
    model = keras.saving.deserialize_keras_object(described)
    shapes = {variable.path: tuple(variable.shape) for variable in model.weights}
    if shapes != folder.shapes:
        differing = sorted(dict(shapes.items() ^ folder.shapes.items()))
        raise ConversionError(
            f"The arrays must be the weights of the model that {CONFIG} describes. Received: {path}, where "
            f"{len(differing)} differ, such as {differing[0]}. Take both files of one export."
        )
    for variable in model.weights:
        variable.assign(folder.read(variable.path))
    return model


def input_facts_of(path: str | Path) -> dict[str, Any] | None:
    """The facts on its inputs, None where there are none."""
    return SafetensorsFolder(path).config.get("inputs")
