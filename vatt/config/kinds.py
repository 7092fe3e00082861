"""Which kinds of values a parameter takes, as far as its annotation and default say."""

import inspect
import os
import types
import typing
from pathlib import Path
from typing import Any

from vatt.config.gin_internals import Configurable, Reference, parameters_of

_PLAIN = frozenset({bool, int, float, str, type(None)})
_TEXT = frozenset({str, Path, os.PathLike})


def alternatives(annotation: Any) -> tuple:
    """The kinds of `A | B`; any other annotation is one kind, a `Sequence[…]` not that of its items."""
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    return typing.get_args(annotation) if is_union else (annotation,)


def plain_kinds(entry: Configurable) -> dict[str, tuple[type, ...]]:
    """Parameters that take numbers, text, truth values or None and nothing else: name -> which of these."""
    kinds = {name: alternatives(each.annotation) for name, each in parameters_of(entry).items()}
    return {name: each for name, each in kinds.items() if set(each) <= _PLAIN}


def fits(value: Any, kinds: tuple[type, ...]) -> bool:
    """Whether a value is of one of the kinds, or a reference, whose result is not known yet."""
    if isinstance(value, Reference):
        return True
    return type(value) in kinds or (type(value) is int and float in kinds)


def takes_text(parameter: inspect.Parameter | None) -> bool:
    """Whether a parameter may be text by its annotation or its default; None: one behind `**`."""
    if parameter is None:
        return False
    return bool(_TEXT.intersection(alternatives(parameter.annotation))) or isinstance(parameter.default, str)


def in_words(kinds: tuple[type, ...]) -> str:
    """ "int or None"."""
    return " or ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)
