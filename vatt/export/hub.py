"""The TF Hub module: the SavedModel as `.tar.gz`, and the page that TF Hub's Markdown format describes."""

import gzip
import tarfile
from pathlib import Path

from vatt.export.card import Card, figures_table, signatures_table

FOLDER = "hub"


def write_module(folder: Path, saved_model: Path, card: Card) -> None:
    """Writes `NAME.tar.gz`, of which the SavedModel's files are the top, and `NAME.md`.

    The archive depends on the files alone: the same SavedModel packs to the same bytes.
    """
    folder.mkdir()
    with (
        (folder / f"{card.naming.name}.tar.gz").open("wb") as file,
        gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for path in sorted(saved_model.rglob("*")):
            archive.add(path, arcname=str(path.relative_to(saved_model)), recursive=False, filter=_anonymous)
    (folder / f"{card.naming.name}.md").write_text(hub_page(card), encoding="utf-8")


def hub_page(card: Card) -> str:
    """The module's page: TF Hub's metadata comments, what it is, how it is used, what was measured."""
    metadata = {
        "asset-path": f"{card.naming.name}.tar.gz",
        "task": card.task,
        "fine-tunable": "true",
        "format": "saved_model_2",
        "network-architecture": "transformer",
        "dataset": ", ".join(card.run.datasets) or None,
        "license": card.naming.licence.lower() or None,
    }
    lines = [
        f"# Module {card.naming.publisher}/{card.naming.name}/{card.naming.version}",
        "",
        card.summary,
        "",
    ]
    lines += [f"<!-- {key}: {value} -->" for key, value in metadata.items() if value]
    lines += ["", "## Overview", "", card.overview, "", "## Inputs and outputs", "", signatures_table(card)]
    lines += [
        "",
        "## Example use",
        "",
        "```python",
        card.example("hub.load(URL)", "import tensorflow_hub as hub"),
        "```",
    ]
    lines += ["", "## Fine-tuning", "", card.fine_tuning]
    lines += ["", "## Measured", "", figures_table(card), "", "## Limits", "", card.limits, "", card.biases]
    lines += ["", "## Licence", "", card.licence_text, ""]
    return "\n".join(lines)


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the maker's name and the time."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0
    entry.mode = 0o755 if entry.isdir() else 0o644
    return entry
