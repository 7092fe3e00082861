"""Reads JSON that nobody vouches for: whatever is wrong with it is one kind of error.

Every JSON file of the project is read here: descriptions of sets, models, runs and indices, manifests,
transcripts, annotations and journals. Python's own parser ends a program on deep nesting (`RecursionError`),
waits for ever on a FIFO, and lets through numbers that JSON does not have.
"""

import json
import math
from pathlib import Path
from typing import Any

from vatt.files.regular_file import NotRegularError, read_regular

MAX_BYTES = 64 << 20  # descriptions have kilobytes; an index of a million files says so itself
MAX_DEPTH = 100  # a model's description has some twenty levels
_LEAST_INTEGER, _END_OF_INTEGERS = -(2**63), 2**64


class JsonError(ValueError):
    """JSON that can not be used.

    Attributes:
        problem: what is wrong with it, as a part of a sentence, for who says the rule and the way out better.
    """

    def __init__(self, what: str, problem: str):
        super().__init__(
            f"This must be whole and valid JSON. Received: {what}: {problem}. "
            "Copy or download it again, or make it again."
        )
        self.problem = problem


def read_json(path: str | Path, *, max_bytes: int = MAX_BYTES, is_lenient: bool = False) -> Any:
    """The content of a JSON file.

    Args:
        path: a regular file, or a link to one.
        max_bytes: a larger one is refused before it is read.
        is_lenient: as in `parse_json`.

    Raises:
        JsonError: it is no regular file, too large, cut short, or not JSON.
        OSError: it is not there, or may not be read.
    """
    try:
        content = read_regular(path, max_bytes=max_bytes)
    except NotRegularError as error:
        raise JsonError(str(path), error.problem) from error
    return parse_json(content, str(path), is_lenient=is_lenient)


def read_object(path: str | Path, *, max_bytes: int = MAX_BYTES, is_lenient: bool = False) -> dict[str, Any]:
    """The same of a file that has to hold an object."""
    value = read_json(path, max_bytes=max_bytes, is_lenient=is_lenient)
    if not isinstance(value, dict):
        raise JsonError(str(path), f"it holds a {type(value).__name__} instead of an object")
    return value


def parse_json(
    content: bytes | str, what: str, *, is_lenient: bool = False, has_unique_keys: bool = False
) -> Any:
    """The value that a text or its bytes hold (UTF-8; UTF-16 and UTF-32 are detected by their first bytes).

    At most `MAX_DEPTH` levels of lists and objects are nested. By RFC 8259 a number is finite; a whole one
    must besides fit 64 bits, so that no conversion of it overflows.

    Args:
        content: of one JSON value.
        what: what it is called in an error: a file, or a file and a line.
        is_lenient: take NaN, infinities and whole numbers of any size up to Python's limit of 4,300 digits,
            which logs of other programs and of old runs hold; who reads the numbers must check them.
        has_unique_keys: refuse an object that has a key twice, of which otherwise the last counts.

    Raises:
        JsonError: it is not JSON, or breaks these rules.
    """
    options: dict[str, Any] = {} if is_lenient else dict(_STRICT)
    if has_unique_keys:
        options["object_pairs_hook"] = _unique
    try:
        if isinstance(content, bytes):
            content = content.decode(json.detect_encoding(content))
        value = json.loads(content.removeprefix("\ufeff"), **options)
    except RecursionError:
        raise JsonError(what, f"lists and objects are nested more than {MAX_DEPTH} deep") from None
    except UnicodeDecodeError as error:
        raise JsonError(what, f"it is no text in {error.encoding.upper()} (byte {error.start:,})") from error
    except ValueError as error:  # json.JSONDecodeError, and what the hooks below say
        problem = str(error) if content.strip() else "it is empty"
        raise JsonError(what, problem.partition(" for integer string conversion")[0]) from error
    if _is_deep(value):
        raise JsonError(what, f"lists and objects are nested more than {MAX_DEPTH} deep")
    return value


def _is_deep(value) -> bool:
    """Level by level: recursion is what must not happen."""
    level = [value] if isinstance(value, list | dict) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return False
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, list | dict)
        ]
    return bool(level)


def _integer(text: str) -> int:
    if len(text) > 20 or not _LEAST_INTEGER <= int(text) < _END_OF_INTEGERS:
        raise ValueError(f"a whole number of {len(text.lstrip('-')):,} digits does not fit 64 bits")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:40]} is larger than a float can be")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} is there more than once in one object")
    return made


def _refuse(constant: str):
    raise ValueError(f"JSON has no {constant}")


_STRICT = {"parse_int": _integer, "parse_float": _float, "parse_constant": _refuse}
