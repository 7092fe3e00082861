"""`docs/packages.md`: every package of `requirements.lock` with the licence that its metadata states."""

import importlib.metadata
import re

from docs.generators import DOCS

_HEAD = """\
# Licences of packages

Made from `requirements.lock` and the metadata of what is installed. [licences.md](licences.md) says
what of it to mind.

| package | version | licence |
|---|---|---|
"""


def page() -> str:
    """The page. A package of another platform, or of an extra that is not installed, is left out."""
    lock = (DOCS.parent / "requirements.lock").read_text(encoding="utf-8")
    installed = {}
    for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE):
        try:
            installed[name] = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    rows = (f"| {name} | {each['Version']} | {_licence(each)} |" for name, each in installed.items())
    return _HEAD + "\n".join(rows) + "\n"


def _licence(metadata: importlib.metadata.PackageMetadata) -> str:
    """The SPDX expression, else what classifiers say, else the first line of the field."""
    classifiers = [
        each.rpartition(" :: ")[2] for each in metadata.get_all("Classifier", []) if each[:7] == "License"
    ]
    fields = [each.strip().splitlines()[0] for each in metadata.get_all("License", [])]
    return "; ".join(metadata.get_all("License-Expression", []) or classifiers or fields or ["none stated"])
