"""Writes the pages of `docs/` that say what the code says: `python -m docs.generators`.

`tests/test_docs_generated.py` fails where a page is not what the code gives now.
"""

import importlib
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1]

# file, seen from `docs/` -> the module here whose `page()`, or function that is named, gives its text
PAGES = {
    "cli.md": "command_line",
    "../vatt/completion/vatt.bash": "completion.bash",
    "../vatt/completion/vatt.zsh": "completion.zsh",
    "findings.md": "findings",
    "gin.md": "gin_names",
    "model_card.md": "model_card",
    "presets.md": "presets",
    "images/imports.svg": "imports",
    "README.md": "index",  # last: it reads the titles of the others
}


def text_of(name: str) -> str:
    """What the page should be now. Imports TensorFlow."""
    module, _, function = PAGES[name].partition(".")
    return getattr(importlib.import_module(f"docs.generators.{module}"), function or "page")()
