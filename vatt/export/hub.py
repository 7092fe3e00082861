"""The TF Hub module: the SavedModel as `.tar.gz`, and its page."""

import gzip
import tarfile
from pathlib import Path

from vatt.export.card import Card, hub_page

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


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the maker's name and the time."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0
    entry.mode = 0o755 if entry.isdir() else 0o644
    return entry
