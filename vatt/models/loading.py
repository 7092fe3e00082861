"""Opens a `.keras` file of one of our models."""

import importlib
import math
import pkgutil
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras

from vatt import layers, models
from vatt.files.json_file import JsonError, parse_json
from vatt.models.bounds import DescriptionError, TooLargeError, check_description

_MOST_CONFIG_BYTES = 2**20  # ours have kilobytes
_WEIGHTS = "model.weights.h5"
_RULE = "A model file must be what `model.save` or `vatt convert` writes, ending in .keras."


def load_model(path: str | Path) -> Any:
    """The model of a `.keras` file that this project wrote.

    Args:
        path: the file.

    Returns: `VATT` or `Classifier`.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is no such file, damaged, or asks for more than it holds.
    """
    path = Path(path).expanduser()
    if not path.exists():
        beside = sorted(file.name for file in path.parent.glob("*.keras"))
        hint = f" That directory contains: {', '.join(beside)}." if beside else ""
        raise FileNotFoundError(f"A model file must exist. Received: {path}.{hint}")
    described = read_description(path)
    saved = str(described.get("registered_name") or described.get("class_name") or "unknown")
    if not saved.startswith("vatt>"):
        raise ValueError(
            f"The model must be one of this project's. Received: {path}, a Keras model of class {saved!r}. "
            "Open it with `keras.saving.load_model`."
        )
    register_models()
    try:
        check_description(described, source=path, weights=_weights_in(path))
        return keras.saving.load_model(path, compile=False)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"A model file must be whole. Received: {path}, which is damaged ({error}). Copy it again."
        ) from error
    except DescriptionError:
        raise
    except Exception as error:  # whatever a class makes of settings that are not its own
        raise ValueError(
            f"A model file must be as this version writes it. Received: {path} ({type(error).__name__}: "
            f"{str(error):.300}). Open it with the version that wrote it, or convert its source again."
        ) from error


def read_description(path: Path) -> dict:
    """The model of a `.keras` file as Keras describes it; nothing is built."""
    if path.is_dir() or not zipfile.is_zipfile(path):
        way_out = "`vatt convert released` makes one of a released checkpoint."
        kind = "a directory" if path.is_dir() else "no Keras file, or one that was cut short"
        raise ValueError(f"{_RULE} Received: {path}, {kind}. {way_out}")
    with zipfile.ZipFile(path) as archive:
        try:
            size = archive.getinfo("config.json").file_size
            if size > _MOST_CONFIG_BYTES:  # a few kilobytes of zeros unpack to gigabytes
                raise TooLargeError(
                    f"{_RULE} Received: {path}, whose config unpacks to {size / 2**20:.0f} MiB."
                )
            described = parse_json(archive.read("config.json"), f"{path}: config.json")
        except (KeyError, JsonError, zipfile.BadZipFile) as error:
            raise ValueError(f"{_RULE} Received: {path}, an archive without a Keras config.") from error
    if not isinstance(described, dict):
        raise ValueError(f"{_RULE} Received: {path}, whose config describes no model.")
    return described


def _weights_in(path: Path) -> int:
    """How many numbers the arrays of a `.keras` file hold, which must be stored uncompressed: a few bytes
    that unpack to more than there is memory are no weights.
    """
    packed = f"A model's weights must be uncompressed in its file, as Keras writes them. Received: {path}, "
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo(_WEIGHTS).compress_type != zipfile.ZIP_STORED:
            raise TooLargeError(f"{packed}with compressed {_WEIGHTS}. Pack it again without compression.")
        with archive.open(_WEIGHTS) as member, h5py.File(member, "r") as arrays:
            numbers = 0

            def count(name, item):
                nonlocal numbers
                if isinstance(item, h5py.Dataset):
                    if item.id.get_storage_size() < item.nbytes:
                        raise TooLargeError(f"{packed}where {name} is said to have {item.nbytes:,} bytes.")
                    numbers += math.prod(item.shape)

            arrays.visititems(count)
    return numbers


def register_models() -> None:
    """Lets Keras know the classes that a file may name: those of `vatt.layers` and `vatt.models`."""
    for package in (layers, models):
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
