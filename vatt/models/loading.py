"""Opens a `.keras` file of one of our models."""

import importlib
import zipfile
from pathlib import Path

import keras

from vatt.json_file import JsonError, parse_json

# Modules whose import registers the classes that a file may name.
MODEL_MODULES = (
    "vatt.models.vatt",
    "vatt.models.agnostic",
    "vatt.models.classifier",
    "vatt.models.unimodal",
    "vatt.layers.log_mel",
)

_MOST_CONFIG_BYTES = 64 * 2**20  # ours have kilobytes


def load_model(path):
    """The model of a `.keras` file that this project wrote.

    Args:
        path: the file.

    Returns: `VATT`, `AgnosticVATT`, `Classifier` or `Unimodal`.
    """
    path = Path(path).expanduser()
    if not path.exists():
        beside = sorted(file.name for file in path.parent.glob("*.keras"))
        hint = f" In that directory lie: {', '.join(beside)}." if beside else ""
        raise FileNotFoundError(f"A model file must exist. Received: {path}.{hint}")
    saved = _registered_name(path)
    package, _, name = saved.partition(">")
    if package != "vatt":
        raise ValueError(
            f"The model must be one of this project's. Received: {path}, a Keras model of class {saved!r}. "
            "Open it with `keras.saving.load_model`."
        )
    register_models()
    if keras.saving.get_registered_object(saved) is None:
        raise ValueError(
            f"The model's class must be one that this version has. Received: {path} with {name}. "
            "Was it written by a newer version?"
        )
    try:
        return keras.saving.load_model(path, compile=False)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"A model file must be whole. Received: {path}, which is damaged ({error}). Copy it again."
        ) from error


def register_models() -> None:
    """Lets Keras know the classes that a file may name."""
    for module in MODEL_MODULES:
        importlib.import_module(module)


def _registered_name(path) -> str:
    """`registered_name` in the file's config, such as "vatt>VATT"."""
    rule = "A model file must be what `model.save` or `vatt convert` writes, ending in .keras."
    if path.is_dir() or not zipfile.is_zipfile(path):
        way_out = "`vatt convert released` makes one of a released checkpoint."
        kind = "a directory" if path.is_dir() else "no Keras file, or one that was cut short"
        raise ValueError(f"{rule} Received: {path}, {kind}. {way_out}")
    with zipfile.ZipFile(path) as archive:
        try:
            size = archive.getinfo("config.json").file_size
            if size > _MOST_CONFIG_BYTES:  # a few kilobytes of zeros unpack to gigabytes
                raise ValueError(f"{rule} Received: {path}, whose config unpacks to {size / 2**20:.0f} MiB.")
            config = parse_json(archive.read("config.json"), f"{path}: config.json")
        except (KeyError, JsonError, zipfile.BadZipFile) as error:
            raise ValueError(f"{rule} Received: {path}, an archive without a Keras config.") from error
    return config.get("registered_name") or config.get("class_name") or "unknown"
