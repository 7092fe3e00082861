"""Writes the pages that say what the code says: `python -m docs.generators`.

Those of `AT_BUILD` are not committed: the hook of `mkdocs.yml`, `built_site.py`, adds them to the site.
`tests/test_docs_generated.py` fails where one of `COMMITTED` is not what the code gives now.
"""

import functools
import importlib
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1]

# file, seen from `docs/` -> the module here whose `page()`, or function that is named, gives its text
AT_BUILD = {
    "cli.md": "command_line",
    "findings.md": "findings",
    "gin.md": "gin_names",
    "model_card.md": "model_card",
    "packages.md": "packages",
    "presets.md": "presets",
}
COMMITTED = {
    "images/imports.svg": "imports",
    "README.md": "index",
}
PAGES = AT_BUILD | COMMITTED


@functools.cache
def text_of(name: str) -> str:
    """What the page should be now. Imports TensorFlow."""
    module, _, function = PAGES[name].partition(".")
    return getattr(importlib.import_module(f"docs.generators.{module}"), function or "page")()
