"""What the loaded configuration gives to a run: values, and calls to look into before they are made."""

import copy
import dataclasses
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import gin

from vatt.config.gin_internals import MACRO, find, macro_named, references
from vatt.config.kinds import alternatives
from vatt.config.reachability import ROOT


def value_of(key: str) -> Any:
    """The value bound to `key`, macros and references resolved; None where nothing is bound."""
    try:
        return copy.deepcopy(gin.query_parameter(key))  # which is how gin resolves references
    except ValueError:
        return None


def numbers_of(job: Callable) -> dict[str, int | float | None]:
    """What a run will give to those parameters of a registered function that take numbers, or None.

    Args:
        job: the function, as gin hands it over.
    """
    found = {}
    for name, parameter in inspect.signature(job).parameters.items():
        kinds = set(alternatives(parameter.annotation))
        if kinds <= {int, float, type(None)}:  # whatever else is bound may take minutes to build
            bound = value_of(f"{job.__name__}.{name}")
            found[name] = parameter.default if bound is None else bound
    return found


@dataclasses.dataclass(frozen=True)
class Call:
    """A `@name` of the configuration that nobody has called yet, and what it would be called with.

    Args:
        function: as written in Python, without gin.
        selector: its complete name in gin's registry.
        scope: in which it would be called.
    """

    function: Callable
    selector: str
    scope: tuple[str, ...]

    def argument(self, name: str, default: Any = None) -> Any:
        """The value of a parameter, built if it is a reference; `default` where none is bound."""
        bound = self._bound()
        if name not in bound:
            return default
        with gin.config_scope(list(self.scope)):
            return copy.deepcopy(bound[name])

    def calls(self, name: str) -> list["Call"]:
        """What a parameter is bound to, not called: each reference in the value, macros followed."""
        return list(_calls_in(self._bound().get(name), self.scope))

    def make(self) -> Any:
        """Calls it."""
        with gin.config_scope(list(self.scope)):
            return gin.get_configurable(self.selector)()

    def _bound(self) -> dict[str, Any]:
        return _bindings(self.selector, self.scope)


def _calls_in(value: Any, scope: tuple[str, ...]) -> Iterator[Call]:
    for reference in references(value):
        inner = tuple(reference.scopes) or scope
        if macro_named(reference) is None:
            yield Call(reference.configurable.wrapped, reference.configurable.selector, inner)
        else:  # the scope in which gin makes what a macro holds is the macro's name
            for held in _bindings(MACRO, inner).values():
                yield from _calls_in(held, inner)


def _bindings(selector: str, scope) -> dict[str, Any]:
    """What is bound to the parameters of a name in a scope, as gin looks it up, references unresolved."""
    with gin.config_scope(list(scope)):
        return gin.get_bindings(selector, resolve_references=False)


def root_call() -> Call:
    """The root of the configuration that was loaded."""
    return Call(find(ROOT).wrapped, ROOT, ())
