"""Directories of the Hugging Face layout: `config.json` next to `model.safetensors`, in one file or in
shards.

Keys, shapes and arrays are read from safetensors alone: opening such a file runs no code of its author.
"""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes  # noqa: F401 (makes bfloat16 a NumPy type, which safetensors asks for by name)
import numpy as np
import safetensors
import safetensors.numpy

from vatt.convert.report import ConversionError
from vatt.files.json_file import JsonError, read_object
from vatt.files.regular_file import plain_name
from vatt.files.whole_file import temporary_folder, whole_file

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"  # of several files: {"weight_map": {name: file}}
FLOATS = ("F64", "F32", "F16", "BF16")
WAY_OUT = "`save_pretrained(DIR)` of Hugging Face transformers writes both files."


class SafetensorsFolder:
    """The configuration and arrays of a directory.

    Attributes:
        config: content of config.json.
        shapes: name -> shape of every array.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path).expanduser()
        if not self.path.is_dir():
            raise ConversionError(
                f"The source must be a directory with {CONFIG} and {WEIGHTS}. Received: {self.path}, "
                f"which is {'a file' if self.path.exists() else 'not there'}. {WAY_OUT}"
            )
        self.config = self._json(CONFIG)
        self.shapes: dict[str, tuple[int, ...]] = {}
        self._files: dict[str, Path] = {}
        for file in self._weight_files():
            self._index(file)

    @property
    def numbers(self) -> int:
        """In all arrays together."""
        return sum(map(math.prod, self.shapes.values()))

    def read(self, name: str) -> np.ndarray:
        """An array as float32."""
        with safetensors.safe_open(self._files[name], framework="numpy") as opened:
            return np.asarray(opened.get_tensor(name)).astype("float32", copy=False)

    def json(self, name: str) -> dict:
        """Content of another JSON file of the directory, {} where there is none."""
        return self._json(name) if (self.path / name).exists() else {}

    def setting(self, name: str, kinds: tuple[type, ...] = (int,)) -> Any:
        """A value that config.json must have."""
        value = self.config.get(name)
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise ConversionError(
                f"{CONFIG} must say `{name}`. Received: {name}={value!r} in {self.path / CONFIG}. "
                "Take the file that belongs to these weights."
            )
        return value

    def number(self, name: str, library: float) -> float:
        """A number from 0 to below 1 that config.json may have; left out, it is the library's own."""
        value = self.config.get(name, library)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
            raise ConversionError(
                f"`{name}` in {CONFIG} must be a number from 0 to below 1. Received: {value!r:.100} in "
                f"{self.path}. Take the file that belongs to these weights."
            )
        return value

    def part(self, name: str) -> dict:
        """An object that config.json may have, {} where it has none."""
        value = self.config.get(name) or {}
        if not isinstance(value, dict):
            raise ConversionError(
                f"`{name}` in {CONFIG} must be an object. Received: {value!r:.100} in {self.path}. Take the "
                "file that belongs to these weights."
            )
        return value

    def require_agreement(self, settings: Mapping[str, tuple[int, str, int]]) -> None:
        """Raises where the configuration contradicts the arrays, so that nothing is built of either.

        Args:
            settings: name in the configuration -> (its value, array, axis of the array that has the same
                size); what the directory has no array for is passed over.
        """
        wrong = {}
        for name, (value, array, axis) in settings.items():
            shape = self.shapes.get(array)
            if shape is not None and shape[axis : axis + 1 or None] != (value,):
                wrong[name] = f"{name}={value} in {CONFIG}, an axis of `{array}` {list(shape)} in the arrays"
        if wrong:
            raise self.contradiction("; ".join(wrong.values()))

    def contradiction(self, what: str) -> ConversionError:
        """The error for a configuration of another model than the arrays."""
        return ConversionError(
            f"{CONFIG} and the arrays must be of one model. Received: {what}, in {self.path}. Take both "
            "files from one model."
        )

    def blocks(self, before: str) -> int:
        """How many blocks there are arrays of, named BEFORE0.…, BEFORE1.… and so on without gaps."""
        names = {name[len(before) :].split(".")[0] for name in self.shapes if name.startswith(before)}
        if names != {str(number) for number in range(len(names))}:
            raise ConversionError(
                f"Blocks must be numbered from 0 without gaps. Received: {len(names)} in {self.path}, such "
                f"as {before}{max(names, key=len):.40}. Take the file from who made the model."
            )
        return len(names)

    def _weight_files(self):
        if (self.path / WEIGHTS).exists():
            return [self.path / WEIGHTS]
        if (self.path / INDEX).exists():
            return self._shards()
        here = ", ".join(sorted(file.name for file in self.path.iterdir())[:8]) or "nothing"
        raise ConversionError(
            f"The directory must hold {WEIGHTS} (or {INDEX} with its shards). Received: {self.path}, which "
            f"holds {here}. {WAY_OUT}"
        )

    def _shards(self):
        try:
            names = {plain_name(name) for name in self._json(INDEX)["weight_map"].values()}
        except (KeyError, AttributeError, ValueError) as error:
            raise ConversionError(
                f"{INDEX} must name the files of all weights in `weight_map`. Received: {self.path / INDEX} "
                f"({type(error).__name__}: {error}). {WAY_OUT}"
            ) from error
        return [self.path / name for name in sorted(names)]

    def _json(self, name):
        try:
            return read_object(self.path / name)
        except FileNotFoundError as error:
            raise ConversionError(
                f"The directory must hold {name}. Received: {self.path} without it. {WAY_OUT}"
            ) from error
        except JsonError as error:
            raise ConversionError(
                f"{name} must hold a JSON object. Received: {self.path / name} ({error.problem}). "
                "Copy it again."
            ) from error

    def _index(self, file):
        try:
            with safetensors.safe_open(file, framework="numpy") as opened:
                for name in opened.keys():  # noqa: SIM118 (an opened file is no mapping)
                    piece = opened.get_slice(name)
                    if piece.get_dtype() not in FLOATS:
                        raise ConversionError(
                            f"Weights must be of one of {FLOATS}. Received: `{name}` of "
                            f"{piece.get_dtype()} in {file}. Give the model before quantisation."
                        )
                    self.shapes[name] = tuple(piece.get_shape())
                    if 0 in self.shapes[name]:  # no bytes stand behind its other axes
                        raise ConversionError(
                            f"Weights must have numbers. Received: `{name}` of shape "
                            f"{list(self.shapes[name])} in {file}. Take the file from who made the model."
                        )
                    self._files[name] = file
        except (safetensors.SafetensorError, OSError) as error:
            raise ConversionError(
                f"A safetensors file must be whole. Received: {file}, which cannot be read ({error}). "
                "Copy it again and compare its size."
            ) from error


def write_folder(path: str | Path, arrays: dict[str, np.ndarray], config: dict) -> None:
    """Writes a directory of this layout."""
    path = Path(path).expanduser()
    path.mkdir(parents=True, exist_ok=True)
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    # Readers of the layout refuse a file that does not say which framework's conventions it follows.
    with temporary_folder(path, "weights") as folder:
        safetensors.numpy.save_file(arrays, folder / WEIGHTS, metadata={"format": "pt"})
        os.replace(folder / WEIGHTS, path / WEIGHTS)
    with whole_file(path / CONFIG) as file:
        file.write((json.dumps(config, indent=2) + "\n").encode())
