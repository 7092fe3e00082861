"""The analyses' drawings: a module for each kind of artifact, drawn by hand from its numbers.

Each has `section(evaluation)`: sentences that say what is shown, and the drawings.
"""

from typing import Any

from vatt.report.markup import Markup, element


def explained(said: Any, note: str, *drawings: Any) -> Markup:
    """The section of an analysis.

    Args:
        said: what was found.
        note: how to read it.
        *drawings: below.
    """
    return element("div", element("p", said), element("p", note, class_="note"), drawings)


def plots(*drawings: Any) -> Markup:
    """Drawings next to each other as far as there is room."""
    return element("div", drawings, class_="plots")
