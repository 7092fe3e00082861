"""Pages from Jinja2 templates: one HTML file that needs nothing but itself, written whole or not at all."""

import pathlib

import jinja2

from vatt.report.markup import join
from vatt.whole_file import whole_file

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


def render(template: str, **content) -> str:
    """The page as text.

    Args:
        template: its path below `vatt/`.
        **content: what its variables stand for. Markup is taken as it is, other values are escaped, None is
            left out, iterables are joined.
    """
    return _TEMPLATES.get_template(template).render(content)


def write_whole(page: str, target: pathlib.Path) -> pathlib.Path:
    """Writes a page into a folder, made if it is not there; a reader sees the old page or the new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(target) as file:
        # A lone surrogate may stand in an escaped JSON string; no file can hold it.
        file.write(page.encode("utf-8", "replace"))
    return target
