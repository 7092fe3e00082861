"""TF2 object checkpoints as named arrays: finding, reading and writing them.

The names are the paths through the object graph that TensorFlow stores as keys (`model/…/kernel`), without
the constant ending; they are unique, which names of Keras variables are not.
"""

import glob
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from vatt.convert.bundle_check import check_index, check_shapes
from vatt.convert.report import ConversionError, Entry
from vatt.files.whole_file import temporary_folder

LEAF = "/.ATTRIBUTES/VARIABLE_VALUE"
SLOT = "/.OPTIMIZER_SLOT/"
OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
# What TensorFlow's reader raises for files that are cut, changed or absent, depending on where.
READ_ERRORS = (tf.errors.OpError, IndexError, ValueError, RuntimeError, MemoryError, OSError)


class Checkpoint:
    """The model's variables of one checkpoint.

    Args:
        path: prefix (`…/ckpt-7`), its `.index` file, or a directory, of which the newest checkpoint is taken.

    Attributes:
        prefix: the prefix found.
        shapes: name -> shape of every variable of the model.
        skipped: `Entry` for all else: optimizer slots, counters, the object graph.
    """

    def __init__(self, path: str | Path):
        self.prefix = find_prefix(path)
        try:
            check_index(self.prefix)
            self._reader = tf.train.load_checkpoint(self.prefix)
            found = self._reader.get_variable_to_shape_map()
            check_shapes(self.prefix, found, self._reader.get_variable_to_dtype_map())
            if OBJECT_GRAPH in found:
                # Written last: where it can be read, the data file was not cut short.
                self._reader.get_tensor(OBJECT_GRAPH)
        except READ_ERRORS as error:
            raise self._unreadable(error) from error
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.skipped: list[Entry] = []
        for key in sorted(found):
            shape, reason = tuple(found[key]), _not_a_weight(key)
            if reason:
                self.skipped.append(Entry(key, None, shape, reason))
            else:
                self.shapes[key.removesuffix(LEAF)] = shape

    def read(self, name: str) -> np.ndarray:
        """The array of one variable, of the model or of an optimizer."""
        try:
            return self._reader.get_tensor(name + LEAF)
        except READ_ERRORS as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error):
        return ConversionError(
            f"A checkpoint's index and data files must be whole. Received: {self.prefix}, which cannot be "
            f"read ({str(error).splitlines()[0]}). Copy it again and compare the sizes of its files."
        )


def _not_a_weight(key):
    if SLOT in key:
        return "optimizer slot"
    if key == OBJECT_GRAPH:
        return "object graph"
    if not key.endswith(LEAF):
        return "no variable"
    return "" if key.startswith("model/") else "counter"


def find_prefix(path: str | Path) -> str:
    """The checkpoint that a prefix, an index file or a directory means."""
    path = Path(path).expanduser()
    if path.is_dir():
        return _newest_in(path)
    prefix = path.with_suffix("") if path.suffix == ".index" else path
    if Path(f"{prefix}.index").is_file():
        return str(prefix)
    beside = sorted(file.stem for file in prefix.parent.glob("*.index"))
    hint = f" That directory contains: {', '.join(beside)}." if beside else ""
    raise ConversionError(
        "A checkpoint must be given as its prefix (…/ckpt-7, where ckpt-7.index exists) or as its "
        f"directory. Received: {path}.{hint}"
    )


def _newest_in(directory):
    state = tf.train.get_checkpoint_state(str(directory))
    if state is not None:
        # By its file name: the recorded path is that of the machine which wrote it.
        newest = directory / Path(state.model_checkpoint_path).name
        if Path(f"{newest}.index").is_file():
            return str(newest)
    prefixes = sorted(file.with_suffix("") for file in directory.glob("*.index"))
    if len(prefixes) == 1:
        return str(prefixes[0])
    listed = ", ".join(prefix.name for prefix in prefixes) or "none"
    raise ConversionError(
        "A checkpoint directory must hold one checkpoint, or a file `checkpoint` that names the newest. "
        f"Received: {directory}, with checkpoints: {listed}. Give the prefix of one."
    )


def write_checkpoint(variables: Mapping[str, np.ndarray], prefix: str | Path) -> None:
    """Writes arrays as an object checkpoint with exactly these names, so that TensorFlow objects restore from
    it.
    """
    tree: dict = {}
    for name, array in variables.items():
        *parents, leaf = name.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = array
    prefix = Path(prefix)
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(prefix.parent, prefix.name) as folder:
        _trackable(tree).write(str(folder / prefix.name))
        # The index last: TensorFlow takes a checkpoint with an index for a whole one.
        for path in sorted(folder.glob(f"{glob.escape(prefix.name)}.*")):
            os.replace(path, prefix.with_name(path.name))


def _trackable(tree):
    """A nested dict as nested trackable objects, whose paths are the keys."""
    children = {
        name: _trackable(child) if isinstance(child, dict) else tf.Variable(child, trainable=False)
        for name, child in tree.items()
    }
    return tf.train.Checkpoint(**children)
