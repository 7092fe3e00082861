"""Features of a set under frozen weights, extracted once into a cache on disk.

An entry is found by all that its content depends on: the weights, the records, what is shown of them, the
output. So it can be neither stale nor another model's. It appears under its name only when whole, and is
checked when read: a damaged one is made again, never used.
"""

import dataclasses
import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vatt.evals.encoder import compiled_encoder
from vatt.evals.outputs import ClipOutputs, clip_outputs, modality_read
from vatt.evals.protocol_card import NOT_KNOWN, data_facts, precision, weights_fingerprint
from vatt.files.array_file import read_npy
from vatt.files.json_file import read_json
from vatt.files.whole_file import temporary_folder
from vatt.protocols import Batch, Dataset, Model

_log = logging.getLogger(__name__)

_FORMAT = 1  # of an entry; part of its key
_FACTS = "facts.json"
_MOST_BYTES = 1 << 30  # of it: the names of all clips
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")  # in a `repr`; another one in every process
_ARRAYS = ("rows", "owners", "labels")


def features(
    model: Model,
    dataset: Dataset,
    *,
    output: str,
    batch_size: int,
    cache_dir: str | Path | None = None,
    encode: Callable[[Batch], Batch] | None = None,
) -> ClipOutputs:
    """Features of every view of every clip that a dataset evaluates on.

    Args:
        model: frozen.
        dataset: gives `eval_batches`; its `eval_facts` find the entry.
        output: of the model, "video/pooled" or "audio/pooled".
        batch_size: rows per call of the model.
        cache_dir: where entries are kept, one folder each; None: nothing is kept.
        encode: from `compiled_encoder`, for `output`; None makes one.
    """

    def extracted() -> ClipOutputs:
        return clip_outputs(
            encode or compiled_encoder(model, [output]),
            dataset,
            output=output,
            modality=modality_read(model, output),
            batch_size=batch_size,
        )

    if cache_dir is None:
        return extracted()
    facts = _facts(model, dataset, output)
    entry = Path(cache_dir) / _hash(facts)
    found = _read(entry)
    if found is not None:
        _log.info("Features of %s: %d clips from %s.", dataset.info.name, len(found), entry)
        return found
    made = extracted()
    _write(entry, made, facts)
    return made


def _facts(model: Model, dataset: Dataset, output: str) -> dict:
    """All that the features depend on."""
    data, weights = data_facts(dataset), weights_fingerprint(model)
    unknown = [
        name
        for name, known in (("dataset", "fingerprint" in data), ("weights", weights != NOT_KNOWN))
        if not known
    ]
    if unknown:
        raise ValueError(
            "What features are kept of must be known, else an old entry would pass for this model's. "
            f"Received: a model and a dataset of which no fingerprint can be made: {', '.join(unknown)}. Set "
            "`cache_dir` to None."
        )
    data = {key: value for key, value in data.items() if key != "dataset"}  # its name changes nothing
    return {
        "format": _FORMAT,
        "data": data,
        "labels": _hash(list(dataset.info.label_names)),
        "weights": weights,
        "model": _hash(_configuration(model)),
        "precision": precision(model),
        "output": output,
    }


def _configuration(model: Model) -> list:
    """Class and configuration: the same weights say something else with another number of heads."""
    described = getattr(model, "get_config", None)
    return [type(model).__name__, described and described()]


def _hash(value) -> str:
    """Of plain values and of objects that have a configuration or a stable `repr`, by their content."""

    def plain(other):
        made = other.get_config() if hasattr(other, "get_config") else repr(other)
        return _ADDRESS.sub("", made) if isinstance(made, str) else made

    return hashlib.sha256(json.dumps(value, sort_keys=True, default=plain).encode()).hexdigest()[:24]


def _read(entry: Path) -> ClipOutputs | None:
    """The features of an entry; None where there is none, or it is not what was written."""
    if not entry.is_dir():
        return None
    try:
        stated = read_json(entry / _FACTS, max_bytes=_MOST_BYTES)
        arrays = {}
        for name in _ARRAYS:
            content = (entry / f"{name}.npy").read_bytes()
            if hashlib.sha256(content).hexdigest() != stated["sha256"][name]:
                raise ValueError(f"{name}.npy has changed")
            arrays[name] = read_npy(entry / f"{name}.npy")
        return ClipOutputs(
            clip_ids=stated["clip_ids"], left_out=stated["left_out"], views=stated["views"], **arrays
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("Features in %s are damaged and made again: %s.", entry, error)
        shutil.rmtree(entry, ignore_errors=True)
        return None


def _write(entry: Path, made: ClipOutputs, facts: dict) -> None:
    """Writes an entry under another name and moves it into place; another process may have been faster."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(entry.parent, entry.name) as unfinished:
        hashes = {}
        for name in _ARRAYS:
            np.save(unfinished / f"{name}.npy", getattr(made, name), allow_pickle=False)
            hashes[name] = hashlib.sha256((unfinished / f"{name}.npy").read_bytes()).hexdigest()
        stated = {
            "made_of": facts,
            "sha256": hashes,
            **{name: getattr(made, name) for name in ("left_out", "views")},
            "clip_ids": list(made.clip_ids),
        }
        (unfinished / _FACTS).write_text(json.dumps(stated, indent=1), encoding="utf-8")
        try:
            os.rename(unfinished, entry)
        except OSError:
            if not (entry / _FACTS).is_file():
                raise


@dataclasses.dataclass(frozen=True)
class Standardise:
    """Features to mean 0 and standard deviation 1 of the training rows; a constant feature becomes 0."""

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> "Standardise":
        """Fitted on [M, D]."""
        rows = rows.astype(np.float64)
        deviation = rows.std(axis=0)
        return cls(rows.mean(axis=0), np.where(deviation > 1e-12, deviation, np.inf))

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """float32 [M, D]."""
        return ((rows.astype(np.float64) - self.mean) / self.deviation).astype(np.float32)
