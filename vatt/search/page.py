"""The page of `vatt serve`: one document with its style and script inside, which asks this server alone."""

import importlib.resources

from vatt.report.markup import Markup, element
from vatt.report.style import STYLE
from vatt.search.gallery import CARDS_STYLE
from vatt.search.index import Index

_STYLE = """
form { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 14px 16px;
  margin: 20px 0; display: grid; gap: 12px; }
.ask { display: flex; gap: 10px; } .ask input { flex: 1; min-width: 0; }
input, select, button { font: inherit; color: var(--ink); background: var(--page);
  border: 1px solid var(--rule); border-radius: 8px; padding: 8px 12px; min-height: 44px; }
button { background: var(--accent); color: var(--page); border-color: var(--accent); font-weight: 600;
  cursor: pointer; }
button:disabled { opacity: 0.5; cursor: default; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.drop { border: 2px dashed var(--rule); border-radius: 8px; padding: 12px 14px; display: flex;
  flex-wrap: wrap; gap: 8px 14px; align-items: center; color: var(--quiet); }
.drop.over { border-color: var(--accent); color: var(--ink); }
form > *, .drop > * { min-width: 0; max-width: 100%; }
.drop input { border: 0; padding: 6px 0; background: none; }
.knobs { display: flex; flex-wrap: wrap; gap: 8px 18px; align-items: center; font-size: 0.875rem; }
.knobs label { display: flex; gap: 6px; align-items: center; }
.knobs select { min-height: 36px; padding: 4px 8px; }
.knobs input[type="checkbox"] { min-height: 0; width: 18px; height: 18px; }
#said { min-height: 1.5em; } #said.wrong { color: var(--wrong); }
.hit video { aspect-ratio: 16 / 9; object-fit: contain; } .hit audio { display: block; width: 100%; }
"""
_SCRIPT = "page.js"


def build_page(index: Index, *, nonce: str) -> str:
    """The page as text; `nonce` marks its own style and script as allowed."""
    script = importlib.resources.files(__package__).joinpath(_SCRIPT).read_text(encoding="utf-8")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("link", rel="icon", href="data:,"),  # none: else the browser asks for one
        element("title", f"{index.root.name} · VATT search"),
        element("style", Markup(STYLE + CARDS_STYLE + _STYLE), nonce=nonce),
    )
    body = element(
        "body",
        element(
            "main",
            element("p", "VATT search", class_="overline"),
            element("h1", index.root.name or str(index.root)),
            element("p", f"{index.rows} windows of {len(index.files)} files in {index.root}", class_="note"),
            _form(),
            element("p", "", id="said", role="status", aria_live="polite"),
            element("ol", class_="hits", id="hits"),
        ),
        element("script", Markup(script), nonce=nonce),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _form() -> Markup:
    text = element(
        "div",
        element(
            "input",
            type="search",
            name="text",
            id="text",
            placeholder="a cat purring",
            aria_label="What to look for, in words",
            autocomplete="off",
            maxlength=20_000,
        ),
        element("button", "Search", id="go"),
        class_="ask",
    )
    drop = element(
        "div",
        element("label", "or drop a film, a sound or an image here", for_="file"),
        element("input", type="file", id="file", accept="video/*,audio/*,image/*,.mkv,.avi,.flac,.opus"),
        class_="drop",
        id="drop",
    )
    knobs = element(
        "div",
        _choice(
            "of the file use", "modality", (("video", "its pictures", None), ("audio", "its sound", None))
        ),
        _choice(
            "find by",
            "by",
            (("", "pictures, if any", None), ("video", "pictures", None), ("audio", "sound", None)),
        ),
        _choice("show", "count", ((each, each, each == "12" or None) for each in ("6", "12", "24", "60"))),
        element(
            "label", element("input", type="checkbox", name="one_per_file", id="one_per_file"), "one per file"
        ),
        class_="knobs",
    )
    return element("form", text, drop, knobs, id="form")


def _choice(label: str, name: str, options) -> Markup:
    made = [element("option", shown, value=value, selected=chosen) for value, shown, chosen in options]
    return element("label", label, element("select", made, name=name, id=name))
