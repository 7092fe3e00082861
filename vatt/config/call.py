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
    entry = find(ROOT)
    assert entry is not None, "a configuration was loaded"
    return Call(entry.wrapped, ROOT, ())


def numbers_of(call: Call) -> dict[str, Any]:
    """The numbers that a call will be given, found without building anything.

    Returns:
        Parameter -> number or None, for those that take numbers; a dict of the same for those that take
        settings, which are dataclasses.
    """
    found = {}
    for name, parameter in inspect.signature(call.function).parameters.items():
        kinds = [each for each in alternatives(parameter.annotation) if each is not type(None)]
        if all(kind in (int, float) for kind in kinds):  # whatever else is bound may take minutes to build
            found[name] = call.argument(name, parameter.default)
        elif all(dataclasses.is_dataclass(kind) for kind in kinds):
            inner = call.calls(name)
            found[name] = numbers_of(inner[0]) if inner else _numbers_in(parameter.default)
    return found


def _numbers_in(settings: Any) -> dict[str, Any]:
    values = dict(vars(settings)) if dataclasses.is_dataclass(settings) else {}
    found = {name: _numbers_in(each) for name, each in values.items() if dataclasses.is_dataclass(each)}
    return found | {n: each for n, each in values.items() if each is None or type(each) in (int, float)}
