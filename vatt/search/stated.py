"""Checks that `index.json` says what the rest relies on, so that a damaged or forged one is refused at
once."""

from collections.abc import Mapping
from typing import Any

_FILE = {"path": str, "sha256": str, "bytes": int, "changed_ns": int, "windows": int, "first": int}
_FACTS = {
    **{"root": str, "generation": int, "rows": int, "model": dict, "signature": str, "dtype": str},
    **{"widths": dict, "files": list, "failed": list},
}
_FAILED = {"path": str, "bytes": int, "changed_ns": int, "reason": str}
_MODEL = {"path": str, "fingerprint": str}


def check_facts(facts: Mapping[str, Any], dtypes: tuple[str, ...]) -> None:
    """Checks fields, their kinds, and that the files' rows follow each other.

    Raises:
        ValueError: saying which is not so.
    """
    _check_fields(facts, _FACTS, "")
    _check_fields(facts["model"], _MODEL, "model: ")
    for name, width in facts["widths"].items():
        if type(width) is not int or not 0 < width <= 1 << 20:
            raise ValueError(f"`widths` must be numbers of values, but {name!r} has {width!r}")
    if facts["dtype"] not in dtypes:
        raise ValueError(f"`dtype` must be one of {', '.join(dtypes)}, but it is {facts['dtype']!r}")
    first = 0
    for file in facts["files"]:
        _check_fields(file, _FILE, "a file: ")
        if file["first"] != first or file["windows"] < 0:
            raise ValueError(f"the rows of {file['path']!r} do not follow those of the file before it")
        first += file["windows"]
    if first != facts["rows"] or facts["generation"] < 0:
        raise ValueError(f"its files have {first} rows, and `rows` says {facts['rows']}")
    for entry in facts["failed"]:
        _check_fields(entry, _FAILED, "a failed file: ")


def _check_fields(found, kinds: Mapping[str, type], where: str) -> None:
    if not isinstance(found, Mapping):
        raise ValueError(f"{where}it must be an object")
    for name, kind in kinds.items():
        if type(found.get(name)) is not kind:
            raise ValueError(
                f"{where}`{name}` must be of kind {kind.__name__}, but it is {found.get(name)!r:.60}"
            )
