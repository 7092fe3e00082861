"""TensorBoard events: scalars, the configuration as text, frames of a batch, histograms of similarity.

The scalars are a copy of the journal and begin anew with every start of a run, see `vatt/train/journal.py`.
Frames and histograms have no other copy: each batch summary has a file of its own, in a folder of them, and
is kept.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from vatt.files.whole_file import own_folder

SUMMARIES = "summaries"
_TEXTS = ("config.gin", "command.txt")
_OF_STEP = ".step-"


class Events:
    """A `MetricWriter` for a folder of events.

    Args:
        directory: `start` takes earlier events out of it, and leaves profiles in their folder there, and
            batch summaries up to the step that the run resumes from.
    """

    def __init__(self, directory: Path):
        self.directory = directory
        self._writer: Any = None

    def start(self, *, model_dir: Path, step: int) -> None:
        own_folder(self.directory)
        own_folder(self.directory / SUMMARIES)
        for earlier in self.directory.glob("events.out.*"):
            earlier.unlink(missing_ok=True)
        for summary in (self.directory / SUMMARIES).glob(f"events.out.*{_OF_STEP}*"):
            if int(summary.name.rpartition(_OF_STEP)[2]) > step:
                summary.unlink(missing_ok=True)
        self._writer = tf.summary.create_file_writer(str(self.directory))
        with self._writer.as_default(step=step):
            for path in (model_dir / name for name in _TEXTS):
                if path.is_file():  # indented, Markdown leaves it as it is
                    lines = path.read_text(encoding="utf-8", errors="replace").removesuffix("\n").split("\n")
                    tf.summary.text(path.stem, "\n".join(f"    {line}" for line in lines))

    def write(self, step: int, numbers: dict[str, float]) -> None:
        with self._writer.as_default(step=step):
            for name, value in numbers.items():
                tf.summary.scalar(name, value)

    @contextlib.contextmanager
    def summary(self, step: int) -> Iterator[None]:
        """Within the block, `write_images` and `write_histogram` are of `step`."""
        writer = tf.summary.create_file_writer(
            str(self.directory / SUMMARIES), filename_suffix=f"{_OF_STEP}{step}"
        )
        with writer.as_default(step=step):
            yield
        writer.close()

    def write_images(self, name: str, images: np.ndarray) -> None:
        """`images`: uint8 `[N, H, W, 3]`."""
        tf.summary.image(name, images, max_outputs=len(images))

    def write_histogram(self, name: str, values: np.ndarray) -> None:
        """`values`: float, of any shape."""
        tf.summary.histogram(name, values)

    def close(self) -> None:
        self._writer.close()
