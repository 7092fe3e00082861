"""The frame of a page: one HTML file that needs nothing but itself, written whole or not at all."""

import pathlib

from vatt.report.markup import Markup, element
from vatt.report.style import STYLE
from vatt.whole_file import whole_file

# No script and no request, kept by the browser as well as by us.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def whole_page(title: str, parts, *, style: str = "") -> str:
    """The page as text.

    Args:
        title: of the window.
        parts: what is in it, as for `element`.
        style: rules beside those of `vatt/report/style.py`.
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(STYLE + style)),
    )
    body = element("body", element("main", parts))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def write_whole(page: str, target: pathlib.Path) -> pathlib.Path:
    """Writes a page into a folder, made if it is not there; a reader sees the old page or the new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(target) as file:
        # A lone surrogate may stand in an escaped JSON string; no file can hold it.
        file.write(page.encode("utf-8", "replace"))
    return target
