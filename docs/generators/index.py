"""`docs/README.md`: every page by its title, in the order of the menu of `mkdocs.yml`."""

import json
from pathlib import Path

import yaml

from docs.generators import AT_BUILD, text_of

_DOCS = Path(__file__).resolve().parents[1]
_HEAD = """\
# Documents

Written from the menu of `mkdocs.yml`. The [README](../README.md) comes first.
As a site, with a search and the reference of Python: `pip install '.[docs]' && mkdocs serve`.
Pages without a link are made from the code: the site's build does it, or `python -m docs.generators`, here.
"""


def page() -> str:
    """The whole page."""
    menu = yaml.safe_load((_DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2])
    lines = [_HEAD]
    for entry in menu:
        title, names = next(iter(entry.items())) if isinstance(entry, dict) else ("", [entry])
        if isinstance(names, list):
            there = [name for name in names if isinstance(name, str)]
            lines += [f"**{title}**", ""] if title else []
            lines += [*map(_line, there), ""]
    return "\n".join(lines)


def _line(name: str) -> str:
    notebook = Path(name).with_suffix(".ipynb")
    if (_DOCS / notebook).is_file():
        cell = json.loads((_DOCS / notebook).read_text(encoding="utf-8"))["cells"][0]
        return f"- [{cell['source'][0].strip().removeprefix('# ')}]({notebook}), a notebook"
    if name in AT_BUILD:
        return f"- {_title(text_of(name))}: `{name}`"
    return f"- [{_title((_DOCS / name).read_text(encoding='utf-8'))}]({name})"


def _title(text: str) -> str:
    return text.partition("\n")[0].removeprefix("# ")
