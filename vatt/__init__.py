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
