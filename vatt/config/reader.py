"""Reads gin files and bindings statement by statement, and keeps where each value was written."""

from pathlib import Path
from typing import Any

import gin

from vatt.config.bindings import COMMAND_LINE, Binding, History, Key, written
from vatt.config.files import resolve, short_name
from vatt.config.flags import quoted_hint
from vatt.config.gin_internals import (
    MACRO,
    BindingStatement,
    ImportStatement,
    IncludeStatement,
    UnknownReference,
    complete_key,
    find,
    is_required,
    macro_named,
    parameters_of,
    references,
    registered,
    statements,
)
from vatt.config.kinds import takes_text
from vatt.errors import ConfigError, closest

OVERLAY_FOLDER = "overlay"

_OF_GIN = tuple("@%'\"([{")  # how references, macros, quoted text and containers begin
_RULE = (
    "A value without quotes is text where the parameter or macro takes text. Anywhere else it must be gin's: "
    "a number, True, False, None, 'text', (1, 2), @name() or %NAME."
)


class Reader:
    """Keeps every value that each key was given, and the overlays' bindings whose names are not known."""

    def __init__(self) -> None:
        self.history: History = {}
        self.dropped: list[str] = []
        self._open: list[Path] = []

    def read_file(self, path: Path) -> None:
        """Reads a gin file and those that it includes."""
        if path in self._open:
            raise ConfigError(f"A gin file must not include itself. Received: {path}.")
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"A gin file must be readable text. Received: {path} ({error}).") from error
        self._open.append(path)
        name, overlay = short_name(path), OVERLAY_FOLDER in path.resolve().parent.parts
        try:
            for statement in statements(text):
                self._take(statement, f"{name}:{statement.location.line_num}", overlay)
        except SyntaxError as error:
            line = f":{error.lineno}" if error.lineno else ""
            raise ConfigError(f"{name}{line}: this is not gin's syntax: {error.msg}") from error
        self._open.pop()

    def read_binding(self, text: str) -> None:
        """Reads one `NAME = VALUE` of the command line, where text may stand without quotes."""
        try:
            for statement in statements(text):
                self._take(statement, COMMAND_LINE)
        except SyntaxError as error:
            self._take(self._without_quotes(text, error), COMMAND_LINE)

    def _take(self, statement: Any, place: str, overlay: bool = False) -> None:
        if isinstance(statement, BindingStatement):
            self._bind(statement, place, overlay)
        elif isinstance(statement, ImportStatement):
            _import(statement, place)
        elif isinstance(statement, IncludeStatement):
            self.read_file(resolve(statement.filename))
        # The bindings of a block follow its declaration as statements of their own.

    def _bind(self, statement: BindingStatement, place: str, overlay: bool) -> None:
        scope, selector, parameter = key = _key_of(statement)
        try:
            entry = find(selector)
        except KeyError as error:  # two modules register this name
            raise ConfigError(f"{place}: {error.args[0]}") from error
        if entry is None and overlay:
            self.dropped.append(f"{written(*key)} ({place})")
            return
        unknown = [each.name for each in references(statement.value, UnknownReference)]
        if entry is None or unknown:
            name = unknown[0] if unknown else selector
            known = [each.name for each in registered()]
            raise ConfigError(
                f"{place}: a name must be registered by a module that the file imports. "
                f"Received: `{name}`.{closest(name, known)} Or add its `import` line."
            )
        try:
            key = complete_key(scope, selector, parameter)
        except ValueError as error:
            names = parameters_of(entry)
            raise ConfigError(
                f"{place}: `{selector}` has no parameter `{parameter}`.{closest(parameter, names)} "
                f"It takes: {', '.join(names)}."
            ) from error
        self.history.setdefault(key, []).append(Binding(key, statement.value, place, overlay))

    def _without_quotes(self, text: str, error: SyntaxError) -> BindingStatement:
        """A binding of text without quotes; raises `ConfigError` where text cannot be meant."""
        name, value = (part.strip() for part in text.partition("=")[::2])
        try:
            (statement,) = statements(f"{name} = ''")
            is_line = bool(value) and "\n" not in value
        except (SyntaxError, ValueError):
            is_line = False
        if not is_line:
            raise ConfigError(
                f"A binding must be `NAME = VALUE`. Received: {text.strip()} ({error.msg})."
            ) from error
        if value.startswith(_OF_GIN) or not self._takes_text(_key_of(statement)):
            raise ConfigError(f"{_RULE} Received: {name} = {value}.{quoted_hint(name, value)}") from error
        return statement._replace(value=value)

    def _takes_text(self, key: Key) -> bool:
        """Whether a key holds text now, or takes text by the signatures of what reads it."""
        try:
            keys = [complete_key(*key)]
        except (KeyError, ValueError):
            return True  # a name that is not there, which `_bind` refuses with the nearest ones
        for scope, selector, parameter in keys:  # which grows
            values = self.history.get((scope, selector, parameter))
            now = values[-1].value if values else None
            if isinstance(now, str):
                return True
            if selector != MACRO:
                if takes_text(parameters_of(find(selector)).get(parameter)):
                    return True
            elif now is None or macro_named(now) is not None or is_required(now):
                users = [
                    user for user, given in self.history.items() if macro_named(given[-1].value) == scope
                ]
                if not users:
                    return True  # a macro that nothing reads, which is refused as such
                keys += [user for user in users if user not in keys]
        return False


def _key_of(statement: BindingStatement) -> Key:
    if statement.arg_name:
        return statement.scope, statement.selector, statement.arg_name
    return "/".join(filter(None, (statement.scope, statement.selector))), MACRO, "value"


def _import(statement: ImportStatement, place: str) -> None:
    try:
        gin.parse_config(statement.format())
    except (ImportError, SyntaxError) as error:
        raise ConfigError(
            f"{place}: a module named in an `import` line must be importable. "
            f"Received: `{statement.format()}` ({str(error).splitlines()[0]})."
        ) from error
