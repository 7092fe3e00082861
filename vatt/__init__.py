"""VATT: self-supervised learning from raw video, audio and text with convolution-free Transformers."""

from pathlib import Path
from typing import Any

__version__ = "0.1.0"


def load(path: str | Path, **options: Any) -> Any:
    """The model of a run directory, a `.keras` file or a released checkpoint, ready to call and, with three
    modalities, to embed media files, arrays and sentences; see `vatt.embed.loading.load`.
    """
    import gin

    with gin.unlock_config():  # a run of this process has locked it, and modules register what they have
        from vatt.embed.loading import load as load_trained  # imports Keras, which most verbs do without

        return load_trained(path, **options)


def from_preset(preset: str | Path, **options: Any) -> Any:
    """The model of a preset: the directory that `save_to_preset` or `vatt export` wrote, or one at
    hf://USER/MODEL or kaggle://USER/MODEL/FRAMEWORK/VARIATION; opened as by `load`, with its options.
    """
    if str(preset).startswith("kaggle://"):
        from vatt.export.presets import downloaded

        preset = downloaded(preset)
    return load(preset, **options)


def save_to_preset(model: Any, directory: str | Path, **naming: Any) -> None:
    """Writes what `load` gave as a preset; see `vatt.export.presets.save_to_preset`."""
    from vatt.export.presets import save_to_preset as save

    save(model, directory, **naming)


def upload_preset(directory: str | Path, address: str) -> None:
    """Publishes a preset; see `vatt.export.presets.upload_preset`."""
    from vatt.export.presets import upload_preset as upload

    upload(directory, address)


def open_index(directory: str | Path, *, model: str | Path | None = None) -> Any:
    """An index of `vatt index` with its model, to be searched: see `vatt.search.open_index.OpenIndex`."""
    import gin

    with gin.unlock_config():
        from vatt.search.open_index import OpenIndex

        return OpenIndex(directory, model=model)
