"""Bindings as they were read: every value that each key was given, with the file and line of each."""

import dataclasses
from typing import Any

from vatt.config.gin_internals import MACRO, macro_named

COMMAND_LINE = "command line"

Key = tuple[str, str, str]  # scope, complete selector as in gin's registry, parameter


@dataclasses.dataclass(frozen=True)
class Binding:
    """One `key = value`.

    Args:
        key: scope, selector and parameter.
        value: as gin's parser makes it.
        place: "experiments/pretrain.gin:12", or `COMMAND_LINE`.
        overlay: whether it stands in an overlay, from which a run takes what it can use.
    """

    key: Key
    value: Any
    place: str
    overlay: bool = False

    @property
    def name(self) -> str:
        """The left side as a gin file has it."""
        return written(*self.key)


History = dict[Key, list[Binding]]  # in the order read; the last one is in force


def written(scope: str, selector: str, parameter: str = "") -> str:
    """A key, or a block where `parameter` is "", as a gin file has it."""
    if selector == MACRO:
        return scope
    block = "/".join(filter(None, (scope, selector.rsplit(".", 1)[-1])))
    return f"{block}.{parameter}" if parameter else block


def source_of(binding: Binding, history: History) -> Binding:
    """The binding that a value is written in: the binding itself, or that of the macro that it names."""
    seen = set()
    while (name := macro_named(binding.value)) is not None and name not in seen:
        seen.add(name)
        if not (values := history.get((name, MACRO, "value"))):
            break
        binding = values[-1]
    return binding
