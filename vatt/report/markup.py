"""HTML and SVG from Python values: text is always escaped, so no caption can break or script the page.

The pages' frames are Jinja2 templates (`vatt/report/document.py`); elements that are made by the hundred,
such as those of drawings, are made here.
"""

import re
from collections.abc import Iterable
from typing import Any

from markupsafe import Markup, escape

# What a page can not hold (control characters, halves of surrogate pairs) and what reverses the text behind
# it; the marks U+200E and U+200F, which text from right to left needs, do not.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_VOID = {"meta", "img", "br", "hr", "link", "input"}


def element(name: str, /, *children: Any, **attributes: Any) -> Markup:
    """An element with its children, e.g. `element("p", "a < b", class_="note")`.

    Args:
        *children: Markup is taken as it is, other values are escaped, None is left out, iterables are joined.
        **attributes: a trailing "_" is dropped and other "_" become "-"; None is left out, True stands bare.
    """
    written = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        written.append(f" {key}" if value is True else f' {key}="{escaped(value)}"')
    opening = f"<{name}{''.join(written)}>"
    return Markup(opening if name in _VOID else f"{opening}{join(children)}</{name}>")


def escaped(value: object) -> Markup:
    """A value as text of a page or of an attribute; what can not be seen is spelt out."""
    return Markup(_UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", escape(str(value))))


def join(parts: Iterable) -> Markup:
    """Parts one after the other, escaped where they are not Markup."""
    written = []
    for part in parts:
        if part is None:
            continue
        if isinstance(part, Markup):
            written.append(part)
        elif isinstance(part, Iterable) and not isinstance(part, str):
            written.append(join(part))
        else:
            written.append(escaped(part))
    return Markup("".join(written))
