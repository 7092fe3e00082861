"""The page of `vatt serve`: one document with its style and script inside, which asks this server alone."""

from vatt.report.document import render
from vatt.search.index import Index


def build_page(index: Index, *, nonce: str) -> str:
    """The page as text; `nonce` marks its own style and script as allowed."""
    return render("search/serve.html", title=f"{index.root.name} · VATT search", index=index, nonce=nonce)
