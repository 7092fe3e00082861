"""Pages from Jinja2 templates: one HTML file that needs nothing but itself, written whole or not at all."""

import pathlib
from collections.abc import Callable
from typing import Any

import jinja2

from vatt.files.whole_file import whole_file
from vatt.report import scales
from vatt.report.markup import Markup, element, join

# Templates are next to the code that fills them: "report/run.html". What they show is escaped as in
# `element`.
_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("vatt", "."),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    finalize=lambda value: join([value]),
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters |= {"percent": scales.percent, "comma": "{:,}".format}
# What comes of plain values of another form than ours.
_OF_ANOTHER_FORM = (
    *(ArithmeticError, AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError),
    jinja2.TemplateRuntimeError,
)


def render(template: str, **content: Any) -> str:
    """The page, or the part of one, that a template describes, as text.

    Args:
        template: its path below `vatt/`.
        **content: what its variables stand for. Markup is taken as it is, other values are escaped, None is
            left out, iterables are joined.
    """
    return _TEMPLATES.get_template(template).render(content)


def guarded(part: str, build: Callable[..., Markup | None], *arguments: Any) -> Markup | None:
    """What `build` gives; where the data have another form than ours, a sentence in its place.

    One damaged part of a report does not cost the rest of it.

    Args:
        part: its name, to begin that sentence with: "The gallery".
    """
    try:
        return build(*arguments)
    except _OF_ANOTHER_FORM as error:
        text = f"{part} can not be shown: {type(error).__name__}: {error}."
        return element("p", text, class_="note lost")


def write_whole(page: str, target: pathlib.Path) -> pathlib.Path:
    """Writes a page into a folder, made if it is not there; a reader sees the old page or the new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(target) as file:
        # A lone surrogate may stand in an escaped JSON string; no file can hold it.
        file.write(page.encode("utf-8", "replace"))
    return target
