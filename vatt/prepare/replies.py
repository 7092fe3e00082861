"""Unpickles what a worker process answers, as data: a worker that a file has taken over must not be able to
run anything in the process that reads its answers.

A pickle names what it calls. Here that may be a class of this project that only holds values (a dataclass, an
enumeration, a named tuple), an exception, or what NumPy and Python need for arrays and plain containers.
"""

import builtins
import dataclasses
import enum
import io
import pickle
from typing import Any

_PLAIN = {
    "builtins": {"set", "frozenset", "bytearray", "complex", "slice", "range"},
    "collections": {"Counter", "OrderedDict", "deque"},
    "fractions": {"Fraction"},
    "pathlib": {"Path", "PosixPath", "PurePosixPath"},
    "numpy": {"ndarray", "dtype"},
    **{
        f"numpy.{core}.{module}": names
        for core in ("core", "_core")
        for module, names in {"multiarray": {"_reconstruct", "scalar"}, "numeric": {"_frombuffer"}}.items()
    },
}
_OWN = "vatt."


class UntrustedReply(pickle.UnpicklingError):
    """An answer that would call something else."""


def loads(content: bytes) -> Any:
    """The value of an answer; UntrustedReply: it would call what no answer needs."""
    return _Unpickler(io.BytesIO(content)).load()


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name in _PLAIN.get(module, ()):
            return super().find_class(module, name)
        if module == "builtins" and _is_exception(getattr(builtins, name, None)):
            return getattr(builtins, name)
        if module.startswith(_OWN) and "." not in name:
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module and _holds_values(found):
                return found
        raise UntrustedReply(f"a worker answered with {module}.{name}, which answers do not hold")


def _is_exception(found) -> bool:
    return isinstance(found, type) and issubclass(found, Exception)


def _holds_values(found: type) -> bool:
    is_named_tuple = issubclass(found, tuple) and hasattr(found, "_fields")
    return dataclasses.is_dataclass(found) or issubclass(found, enum.Enum | Exception) or is_named_tuple
