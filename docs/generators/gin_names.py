"""`docs/gin.md`: every name that a gin file may bind, its arguments, their defaults and what they mean."""

import functools
import importlib
import inspect
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import vatt
from docs.generators import docstrings
from vatt.config import gin_internals

_HEAD = """\
# What a gin file may bind

Made from the docstrings; change those. A name is known after its module's
`import` line: `import vatt.losses.contrastive`, then `ContrastiveLoss.temperature = 0.05` in a gin file, or
`--gin.ContrastiveLoss.temperature=0.05` on the command line. "required": there is no default. In front of a
name may stand a scope, `video/Size.depth = 12`, which holds for `@video/Size()` and for what that
makes.

What `experiments/` binds is the best example: `presets.md` lists it. `--dry_run` shows what a run
would use.
"""

# What the style of the house leaves out of docstrings, because Keras says it of every layer.
_OF_KERAS = {
    "name": "of the Keras layer.",
    "dtype": "Keras's dtype policy; None for the run's `run.precision`.",
}


def page() -> str:
    """The whole page."""
    names = sorted(registered(), key=lambda each: (_folder(each), each.name.lower()))
    parts = [_HEAD]
    for folder, members in itertools.groupby(names, key=_folder):
        parts.append(f"## `{folder}`\n")
        parts.extend(_described(each) for each in members)
    return "\n".join(parts)


@functools.cache
def registered() -> list:
    """gin's entry of every name that a module of this project registers."""
    package = Path(vatt.__file__).parent
    for file in sorted(package.rglob("*.py")):
        if "\n@gin." in file.read_text(encoding="utf-8"):
            importlib.import_module(".".join(file.relative_to(package.parent).with_suffix("").parts))
    return [each for each in gin_internals.registered() if each.wrapped.__module__.startswith("vatt.")]


def _folder(registered) -> str:
    module = registered.wrapped.__module__.split(".")
    return "/".join(module[:2]) if len(module) > 2 else "/".join(module) + ".py"


def _described(registered) -> str:
    function = registered.wrapped
    what = docstrings.first_sentence(inspect.getdoc(function) or "")
    lines = [f"### `{registered.name}`\n", f"{what}. `import {function.__module__}`\n"]
    said = said_of(function)
    described = [(name, default, said.get(name, "")) for name, default in _defaults(registered)]
    rows = [_row(list(same)) for _, same in itertools.groupby(described, key=lambda each: each[2])]
    if rows:
        lines += ["| argument | default | |", "|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _row(same: list[tuple[str, str, str]]) -> str:
    """Arguments that the docstring describes together."""
    names, defaults, (said, *_) = zip(*same)
    if len(set(defaults)) == 1:
        defaults = defaults[:1]
    return f"| {', '.join(f'`{name}`' for name in names)} | {', '.join(defaults)} | {_linked(_cell(said))} |"


def _linked(text: str) -> str:
    """Leads from "see `Name`" to what is said there."""
    known = {each.name for each in registered()}

    def link(match):
        name = match.group(1)
        return f"see [`{name}`](#{name.lower()})" if name in known else match.group()

    return re.sub(r"see `(\w+)`", link, text)


def said_of(function) -> dict[str, str]:
    """Argument -> its part of the docstring, of what a class is derived from where its own says nothing."""
    sources = reversed(function.__mro__) if inspect.isclass(function) else (function,)
    found = dict(_OF_KERAS)
    for source in sources:
        if source.__module__.startswith("vatt.") and source.__doc__:
            found |= docstrings.arguments(source.__doc__)
    return found


def _defaults(registered) -> Iterator[tuple[str, str]]:
    for name, parameter in inspect.signature(registered.wrapped).parameters.items():
        if name in (registered.denylist or ()):
            continue
        required = parameter.default is inspect.Parameter.empty
        yield name, "required" if required else f"`{_cell(_value(parameter.default))}`"


def _value(default) -> str:
    """As one would write it; an object by its class, as its address is another each time."""
    if isinstance(default, str | int | float | bool | tuple | list | dict | None):
        return repr(default)
    return getattr(default, "__name__", type(default).__name__)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
