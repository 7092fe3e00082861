"""Everything used of gin that the package `gin` does not export; the rest of `vatt` uses `import gin` alone.

These belong to `gin.config` and `gin.config_parser` of gin-config 0.5: the statements of a file with their
lines, the references in values, and the names that are registered. A test fails on any other version: read
gin's changes against this file before the pin is raised.
"""

import inspect
import tokenize
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import gin
from gin import config, config_parser

Configurable: TypeAlias = config.Configurable
Reference: TypeAlias = config.ConfigurableReference
BindingStatement: TypeAlias = config_parser.BindingStatement
ImportStatement: TypeAlias = config_parser.ImportStatement
IncludeStatement: TypeAlias = config_parser.IncludeStatement

MACRO = "gin.macro"  # gin keeps the macro NAME as the parameter `value` of `NAME/gin.macro`
CONSTANT = "gin.constant"


class UnknownReference:
    """A reference to a name that is not registered."""

    def __init__(self, name: str):
        self.name = name


class WrittenReference(str):
    """The text of a reference, where references are not resolved."""

    __repr__ = str.__str__


class _Resolving(config.ParserDelegate):
    """Resolves references; a name that is not registered becomes an `UnknownReference`."""

    def configurable_reference(self, scoped_configurable_name, evaluate):
        if find(name := scoped_configurable_name.rpartition("/")[2]) is None:
            return UnknownReference(name)
        return Reference(scoped_configurable_name, evaluate)


class _AsWritten(config_parser.ParserDelegate):
    """Keeps references as text."""

    def configurable_reference(self, scoped_configurable_name, evaluate):
        return WrittenReference(f"@{scoped_configurable_name}" + ("()" if evaluate else ""))

    def macro(self, macro_name):
        return WrittenReference(f"%{macro_name}")


def statements(text: str) -> Iterator[Any]:
    """Parses gin text; references are resolved as their statement is reached, after the imports before it.

    Raises:
        SyntaxError: whatever is wrong with the text, with the line if that is known.
    """
    return _parsed(text, _Resolving())


def statements_as_written(text: str) -> Iterator[Any]:
    """Parses gin text without importing or resolving anything; raises as `statements` does."""
    return _parsed(text, _AsWritten())


def _parsed(text: str, delegate: config_parser.ParserDelegate) -> Iterator[Any]:
    try:
        parser = config_parser.ConfigParser(text, delegate)
        while (statement := parser.parse_statement()) is not None:
            yield statement
    except (SyntaxError, tokenize.TokenError, KeyError, ValueError) as error:
        reason = str(error.args[0] if error.args else error).splitlines()[0]
        problem = SyntaxError(reason)
        problem.lineno = getattr(error, "lineno", None)
        raise problem from error


def registered() -> list[Configurable]:
    """Every name that gin knows by now."""
    return list({id(each): each for _, each in config._REGISTRY.items()}.values())


def find(selector: str) -> Configurable | None:
    """The entry of a name, with or without its modules; `KeyError` where several modules register it."""
    return config._REGISTRY.get_match(selector)


def complete_key(scope: str, selector: str, parameter: str) -> tuple[str, str, str]:
    """The key under which gin keeps a parameter; raises `ValueError` where gin would not let it be bound."""
    return config.ParsedBindingKey.parse((scope, selector, parameter)).scope_selector_arg


def references(value: Any, kind: type = Reference) -> Iterator[Any]:
    """Every reference of a kind nested in a value."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, Mapping):
        for item in value.items():
            yield from references(item, kind)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from references(item, kind)


def macro_named(value: Any) -> str | None:
    """The name of the macro that a value is; None: any other value."""
    is_macro = isinstance(value, Reference) and value.configurable.selector == MACRO
    return "/".join(value.scopes) if is_macro else None


def is_required(value: Any) -> bool:
    """Whether a value is `%gin.REQUIRED`."""
    is_constant = isinstance(value, Reference) and value.configurable.selector == CONSTANT
    return is_constant and value.scoped_configurable_fn() is gin.REQUIRED


def parameters_of(entry: Configurable) -> dict[str, inspect.Parameter]:
    """The named parameters of a registered function or class; {} for a built-in without a signature."""
    try:
        signature = inspect.signature(entry.wrapped)
    except (TypeError, ValueError):
        return {}
    open_ended = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {name: each for name, each in signature.parameters.items() if each.kind not in open_ended}
