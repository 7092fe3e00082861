"""gin: reads the files and flags of a run, and refuses whatever no run could use.

The statements are read here one by one, with file and line, and bound through gin; `vatt/reachability.py`
then says what the run can use. Two rules decide what may be left over:

* A file in a folder named `overlay` is an adjective for any run. What does not apply to this run is dropped,
  and one line of the log says so. In any other file and on the command line it is an error.
* A binding that is reached only through a value that a later file replaced is legitimate, and dropped in
  silence.

An `import` line of a gin file runs that module's code while the file is read: read only files that you trust.
gin's internals are touched in this module and in `vatt/reachability.py`, nowhere else.
"""

import copy
import dataclasses
import difflib
import inspect
import json
import re
import shlex
import sysconfig
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import gin
from gin import config as gin_config
from gin import config_parser

from vatt.fits import warn_of_misfits
from vatt.reachability import (
    COMMAND_LINE,
    CONSTANT,
    MACRO,
    ROOT,
    Binding,
    Checker,
    ConfigError,
    alternatives,
    closest,
    parameters_of,
    references,
    written,
)

OVERLAY_FOLDER = "overlay"
_MAY_DIFFER = ("MODEL_DIR", "run.model_dir", "run.strategy")  # of two configurations of one run


def roots() -> tuple[Path, ...]:
    """Where a relative gin path is looked for, in order."""
    installed = Path(sysconfig.get_path("data")) / "share" / "vatt"
    return Path.cwd(), Path(__file__).resolve().parents[1], installed


def available() -> list[str]:
    """Every gin file under `experiments/` of the first root that has that folder, relative to the root."""
    for root in roots():
        files = sorted((root / "experiments").rglob("*.gin"))
        if files:
            return [file.relative_to(root).as_posix() for file in files]
    return []


def listing() -> str:
    """What `available` gives, as the end of a message."""
    return "The gin files that are here:" + ("".join(f"\n  {file}" for file in available()) or "\n  (none)")


def resolve(name: str) -> Path:
    """The file a `--gin_file` or an `include` means."""
    given = Path(name).expanduser()
    for root in roots():
        if (root / given).is_file():
            return root / given
    known = available()
    short = {Path(file).name: file for file in known}
    near = [short[match] for match in difflib.get_close_matches(given.name, short, n=3, cutoff=0.5)]
    hint = f" Closest: {', '.join(near)}." if near else ""
    raise ConfigError(f"A gin file must exist. Received: {name or 'no name'}.{hint} {listing()}")


def load(gin_files: Iterable[str], bindings: Iterable[str] = (), *, complete: bool = True) -> None:
    """Reads the files in order, then the bindings (later wins), checks the whole, and locks gin.

    Args:
        gin_files: paths, resolved against the working directory, then the repository, then the installation.
        bindings: "NAME = value" statements of the command line.
        complete: whether values that only a run needs, such as where its data lie, must be set.
    """
    gin.clear_config()
    reader = _Reader()
    files = [resolve(name) for name in gin_files]
    for file in files:
        reader.read_file(file)
    warn_of_misfits(files)
    for text in bindings:
        reader.read(text, COMMAND_LINE, overlay=False)
    live = Checker(reader.history, reader.dropped, complete=complete).check()
    for scope, selector in list(gin_config._CONFIG):
        block = gin_config._CONFIG[scope, selector]
        for parameter in [name for name in block if (scope, selector, name) not in live]:
            del block[parameter]
        if not complete:
            for parameter in [name for name, value in block.items() if _is_open(value)]:
                del block[parameter]
        if not block:
            del gin_config._CONFIG[scope, selector]
    gin.finalize()


def _is_open(value: Any) -> bool:
    """Whether a value still has to be set: `%gin.REQUIRED`, or a macro without a value."""
    for reference in references(value):
        target = reference.configurable.selector
        if target == CONSTANT and reference.scoped_configurable_fn() is gin.REQUIRED:
            return True
        if target == MACRO:
            block = gin_config._CONFIG.get(("/".join(reference.scopes), MACRO), {})
            if "value" not in block or _is_open(block["value"]):
                return True
    return False


def config_text() -> str:
    """The configuration in force, as a gin file that reproduces the run alone."""
    return _plain_imports(gin.config_str(max_line_length=110))


def value_of(key: str) -> Any:
    """The value bound to `key`, macros resolved; None where nothing is bound."""
    try:
        value = gin.query_parameter(key)
    except ValueError:
        return None
    reference = next(iter(references(value)), None)
    return reference.scoped_configurable_fn() if reference is not None else value


def numbers_of(job) -> dict[str, int | float | None]:
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

    function: Any
    selector: str
    scope: tuple[str, ...]

    def argument(self, name: str, default: Any = None) -> Any:
        """The value that a parameter would be given, built if it is a reference; `default` where nothing is
        bound, or where it is left open.
        """
        for value in self._bound(name):
            if not _is_open(value):
                with gin.config_scope(list(self.scope) or None):
                    return copy.deepcopy(value)  # which is how gin makes values of references
        return default

    def calls(self, name: str) -> list["Call"]:
        """What a parameter is bound to, not called: each reference in the value, macros followed."""
        for value in self._bound(name):
            return [call for reference in references(value) for call in self._followed(reference)]
        return []

    def make(self) -> Any:
        """Calls it."""
        with gin.config_scope(list(self.scope) or None):
            return gin.get_configurable(self.selector)()

    def _followed(self, reference) -> list["Call"]:
        target = reference.configurable
        if target.selector == MACRO:
            value = gin_config._CONFIG.get(("/".join(reference.scopes), MACRO), {}).get("value")
            return [call for each in references(value) for call in self._followed(each)]
        return [Call(target.wrapped, target.selector, tuple(reference.scopes) or self.scope)]

    def _bound(self, name: str) -> Iterator[Any]:
        """The value bound in the longest prefix of the scope, as gin looks it up; nothing for none."""
        for length in range(len(self.scope), -1, -1):
            block = gin_config._CONFIG.get(("/".join(self.scope[:length]), self.selector), {})
            if name in block:
                yield block[name]
                return


def root_call() -> Call:
    """The root of the configuration that was read."""
    return Call(gin_config._REGISTRY[ROOT].wrapped, ROOT, ())


def operative_text() -> str:
    """Every value that was used so far, defaults included."""
    return _plain_imports(gin.operative_config_str(max_line_length=110))


def _plain_imports(text: str) -> str:
    """gin writes `import a.b as a2` to keep names apart that nothing reads; here they are as read."""
    imports = sorted({statement.format() for statement in gin_config._IMPORTS})
    body = [line for line in text.split("\n") if not re.match(r"(import|from) ", line)]
    return "\n".join([*imports, *body]).strip() + "\n"


class _Reader:
    """Reads statements and binds them, keeping every value each key was ever given."""

    def __init__(self):
        self.history: dict[tuple[str, str, str], list[Binding]] = {}
        self.dropped: list[str] = []
        self._open: list[Path] = []

    def read_file(self, path: Path) -> None:
        if path in self._open:
            raise ConfigError(f"A gin file must not include itself. Received: {path}.")
        self._open.append(path)
        overlay = OVERLAY_FOLDER in path.resolve().parent.parts
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"A gin file must be readable text. Received: {path} ({error}).") from error
        self.read(text, _shown(path), overlay=overlay)
        self._open.pop()

    def read(self, text: str, source: str, *, overlay: bool) -> None:
        for statement in _statements(text, source):
            place = source if source == COMMAND_LINE else f"{source}:{statement.location.line_num}"
            match statement:
                case config_parser.BindingStatement():
                    self._bind(statement, place, overlay)
                case config_parser.ImportStatement():
                    self._import(statement, place)
                case config_parser.IncludeStatement():
                    self.read_file(resolve(statement.filename))
                case config_parser.BlockDeclaration():
                    pass  # its bindings follow as statements of their own

    def _import(self, statement, place: str) -> None:
        try:
            gin.parse_config(statement.format())
        except ImportError as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(
                f"{place}: a module named in an `import` line must be importable. "
                f"Received: `{statement.format()}` ({reason})."
            ) from error

    def _bind(self, statement, place: str, overlay: bool) -> None:
        scope, selector, parameter, value, _ = statement
        if not parameter:  # NAME = value: a macro, which gin keeps as the scope of `gin.macro`
            scope, selector, parameter = "/".join(filter(None, (scope, selector))), MACRO, "value"
        try:
            registered = gin_config._REGISTRY.get_match(selector)
        except KeyError as error:  # two modules register this name
            raise ConfigError(f"{place}: {error.args[0]}") from error
        unknown = [ref.selector for ref in references(value, gin_config._UnknownConfigurableReference)]
        if registered is None or unknown:
            name = unknown[0] if unknown else selector
            if overlay and registered is None:
                self.dropped.append(f"{written(scope, selector, parameter)} ({place})")
                return
            raise ConfigError(
                f"{place}: a name must be registered by a module that the file imports. "
                f"Received: `{name}`.{closest(name, _registered_names())} Or add its `import` line."
            )
        try:
            gin.bind_parameter((scope, selector, parameter), value)
        except ValueError as error:
            names = parameters_of(registered)
            raise ConfigError(
                f"{place}: `{selector}` has no parameter `{parameter}`.{closest(parameter, names)} "
                f"It takes: {', '.join(names)}."
            ) from error
        binding = Binding(scope, registered.selector, parameter, value, place, overlay)
        self.history.setdefault(binding.key, []).append(binding)


def _quoted_flag(text: str) -> str:
    """The flag of a binding as it would be right if its value was meant as text."""
    name, _, value = (part.strip() for part in text.partition("="))
    meant = json.dumps(value.strip("'\"") or "runs/first", ensure_ascii=False)
    return f"--gin.{name}={shlex.quote(meant)}"


def _statements(text: str, source: str) -> Iterator[Any]:
    """gin's parser over `text`; a name that is not registered comes out as an unknown reference."""
    try:
        yield from config_parser.ConfigParser(text, gin_config.ParserDelegate(skip_unknown=True))
    except (SyntaxError, tokenize.TokenError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        if source == COMMAND_LINE:
            raise ConfigError(
                f"A binding of the command line must be `NAME = value` in gin's syntax. "
                f"Received: {text.strip()}. Strings need quotes of their own inside the shell's: "
                f"{_quoted_flag(text)}"
            ) from error
        line = getattr(error, "lineno", None)
        reason = str(error.args[0] if error.args else error).splitlines()[0]
        where = f"{source}:{line}" if line else source
        raise ConfigError(f"{where}: this is not gin's syntax: {reason}") from error


def _registered_names() -> list[str]:
    return [selector.rsplit(".", 1)[-1] for selector, _ in gin_config._REGISTRY.items()]


def _shown(path: Path) -> str:
    """A path as short as it can be said from here."""
    for root in (Path.cwd(), Path(__file__).resolve().parents[1]):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return str(path)


class _Written(str):
    """A reference as it stands in the file."""

    __repr__ = str.__str__


class _AsWritten(config_parser.ParserDelegate):
    """Reads a gin file without looking any name up."""

    def configurable_reference(self, scoped_configurable_name, evaluate):
        return _Written(f"@{scoped_configurable_name}" + ("()" if evaluate else ""))

    def macro(self, macro_name):
        return _Written(f"%{macro_name}")


def as_written(text: str) -> dict[str, Any]:
    """The bindings of a gin file by key ("scope/Name.parameter"), the later of two, without looking any name
    up and without running its `import` lines; a reference is the text that stands there ("%NAME", "@name()").
    """
    found = {}
    for statement in config_parser.ConfigParser(text, _AsWritten()):
        if isinstance(statement, config_parser.BindingStatement):
            scope, selector, parameter, value, _ = statement
            key = "/".join(filter(None, (scope, selector))) + (f".{parameter}" if parameter else "")
            found[key] = value
    return found


def difference(recorded: str, current: str) -> list[str]:
    """Lines of a unified diff between two configurations; empty where they describe the same run.

    Layout, comments and order do not count, nor does where the run directory lies and on which devices the
    run goes on, which gives the same numbers up to rounding.
    """

    def lines(text: str) -> list[str]:
        return sorted(
            f"{key} = {value!r}" for key, value in as_written(text).items() if key not in _MAY_DIFFER
        )

    compared = difflib.unified_diff(lines(recorded), lines(current), "recorded", "now", lineterm="", n=0)
    return [line for line in compared if not re.match(r"@@", line)]


def split_flags(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Takes every `--gin.NAME=VALUE` out of the arguments: (the other arguments, "NAME = VALUE" bindings)."""
    others, bindings = [], []
    for argument in arguments:
        name, equals, value = argument.lstrip("-").partition("=")
        if argument.startswith("-") and name.startswith("gin."):
            if not equals or not value:
                raise ConfigError(f"A gin flag must be --gin.NAME=VALUE in one word. Received: {argument}.")
            bindings.append(f"{name.removeprefix('gin.')} = {value}")
        else:
            others.append(argument)
    return others, bindings
