"""The result of `vatt embed`: one row for each window, as a NumPy archive or a Parquet table."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vatt.embed.batches import Embedded
from vatt.embed.parts import packed
from vatt.files.whole_file import whole_file

SUFFIXES = (".npz", ".parquet")


def check_suffix(out: Path) -> None:
    """Raises before the work, and not after it, where the file could not be written."""
    if out.suffix not in SUFFIXES:
        raise ValueError(f"`--out` must end in {' or '.join(SUFFIXES)}. Received: {out}.")
    if out.suffix == ".parquet":
        _pyarrow()


def write_table(out: Path, files: Sequence[tuple[str, Embedded]], facts: dict) -> None:
    """Writes a table, whole or not at all; the same embeddings give the same bytes.

    Args:
        out: ends in one of `SUFFIXES`.
        facts: what the rows have in common, as plain values.
    """
    columns = _columns([embedded for _, embedded in files])
    names = [name for name, _ in files]
    owners = np.repeat(np.arange(len(files), dtype=np.int32), [len(embedded) for _, embedded in files])
    if out.suffix == ".npz":
        with whole_file(out) as file:
            about = {"files": np.array(names), "file_number": owners, "facts": np.array(json.dumps(facts))}
            np.savez(file, allow_pickle=False, **about, **columns)
    else:
        _write_parquet(out, names, owners, columns, facts)


def _columns(files: Sequence[Embedded]) -> dict[str, np.ndarray]:
    """Rows of all files one after the other; zeros where a file has nothing of a modality."""
    stored = [packed(embedded) for embedded in files]
    columns = {}
    for name in dict.fromkeys(name for each in stored for name in each if name != "warnings"):
        like = next(each[name] for each in stored if name in each)
        parts = [
            each.get(name, np.zeros((len(embedded), *like.shape[1:]), like.dtype))
            for each, embedded in zip(stored, files, strict=True)
        ]
        columns[name] = np.concatenate(parts)
    return columns


def _pyarrow():
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ValueError(
            "Parquet needs the package pyarrow, which is not installed. `pip install pyarrow`, or name an "
            "`--out` that ends in .npz."
        ) from None
    return pyarrow


def _write_parquet(out: Path, names, owners, columns, facts) -> None:
    arrow = _pyarrow()
    readable = [name.encode("utf-8", "backslashreplace").decode() for name in names]  # names of any bytes
    arrays = {"file": arrow.array([readable[owner] for owner in owners], arrow.string())}
    for name, values in columns.items():
        if values.ndim == 1:
            arrays[name] = arrow.array(values)
        else:
            flat = arrow.array(values.reshape(-1))
            arrays[name] = arrow.FixedSizeListArray.from_arrays(flat, values.shape[1])
    table = arrow.table(arrays).replace_schema_metadata({"vatt": json.dumps(facts)})
    with whole_file(out) as file:
        arrow.parquet.write_table(table, file)
