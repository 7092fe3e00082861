"""Loads a configuration into gin: reads files and bindings, checks the whole, binds what a run can use."""

from collections.abc import Iterable
from typing import Any

import gin

from vatt.config.bindings import History
from vatt.config.files import resolve
from vatt.config.fits import warn_of_misfits
from vatt.config.gin_internals import MACRO, is_required, macro_named, references
from vatt.config.reachability import check
from vatt.config.reader import Reader


def load(gin_files: Iterable[str], bindings: Iterable[str] = (), *, complete: bool = True) -> None:
    """Reads the files in order, then the bindings (later wins), checks the whole, and locks gin.

    Args:
        gin_files: paths, resolved against the working directory, then the repository, then the installation.
        bindings: "NAME = value" statements of the command line.
        complete: whether values that only a run needs, such as where its data are, must be set.

    Raises:
        ConfigError: with every problem found.
    """
    gin.clear_config()
    reader = Reader()
    files = [resolve(name) for name in gin_files]
    for file in files:
        reader.read_file(file)
    warn_of_misfits(files)
    for text in bindings:
        reader.read_binding(text)
    live = check(reader.history, reader.dropped, complete=complete)
    for key, values in reader.history.items():  # gin makes the values of a block in this order
        if key in live and (complete or not _is_open(values[-1].value, reader.history)):
            gin.bind_parameter(key, values[-1].value)
    gin.finalize()


def _is_open(value: Any, history: History) -> bool:
    """Whether a value still has to be set: `%gin.REQUIRED`, or a macro without a value."""
    for reference in references(value):
        if is_required(reference):
            return True
        if (name := macro_named(reference)) is not None:
            values = history.get((name, MACRO, "value"))
            if not values or _is_open(values[-1].value, history):
                return True
    return False
