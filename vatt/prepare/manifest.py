"""One table of everything -> clips: a CSV, TSV or JSONL file with path, start, end, caption, label and split.

Rows of the same file, start and end are one clip, so that a clip can have several captions and labels.
"""

import dataclasses
import math
import re
from collections.abc import Callable
from pathlib import Path

from vatt.errors import closest
from vatt.prepare.captions import WHOLE_FILE
from vatt.prepare.captions.cue import seconds_of
from vatt.prepare.manifest_rows import SUFFIXES, ManifestError, ManifestRows
from vatt.prepare.named_files import NamedFiles
from vatt.prepare.planning import Planning, readable
from vatt.prepare.record import Clip

__all__ = ["COLUMNS", "SUFFIXES", "Manifest", "ManifestError", "read_manifest"]

COLUMNS = ("path", "start", "end", "caption", "label", "split")
_LABEL_SEPARATOR = "|"
_SPLIT = re.compile(r"[A-Za-z0-9_]+")  # it becomes a part of the shards' names


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a manifest asks for."""

    clips: tuple[Clip, ...]  # in the order in which they are named first; labelled by their place in `labels`
    labels: tuple[str, ...]  # texts of all labels in alphabetical order
    # (media_id, path that was looked for) of clips whose files are not there
    missing: tuple[tuple[str, str], ...]
    has_captions: bool  # whether it decides about captions: it has such a column


@dataclasses.dataclass(slots=True)
class _Clip:
    """A clip whose rows are still being read."""

    line: int
    name: str
    captions: tuple[str, ...] = ()  # no lists, which take more memory
    labels: tuple[str, ...] = ()
    split: str = ""


def read_manifest(
    path: str | Path,
    *,
    segment_seconds: float | None = None,
    split_of: Callable[[str], str] = lambda media_id: "train",
    planning: Planning | None = None,
    base: str = "",
) -> Manifest:
    """Reads a manifest.

    `path` (required) is relative to the manifest's folder, or an address of an object store; `start` and
    `end` are seconds or [h:]mm:ss from the file's start, empty for its ends; `label` may hold several,
    separated by "|". A JSONL file has the same keys in an object per line, where `caption` and `label` may be
    lists.

    Args:
        path: the file; by its ending .csv, .tsv or .jsonl.
        segment_seconds: clips without an `end` are cut into records of this length; None: they are not.
        split_of: split of a media_id for rows that name none.
        planning: what was repaired or guessed is written to it.
        base: address of the folder that paths are relative to, where that is not the file's own.

    Raises:
        ManifestError: a row that breaks these rules.
    """
    path = Path(path)
    planning = planning or Planning()
    files = NamedFiles(base or str(path.parent), planning)
    gathered: dict[tuple[str, float, float | None], _Clip] = {}
    has_captions = False
    rows = ManifestRows(path, _check_columns)
    for line, row in rows:
        place = rows.place(line)
        has_captions = has_captions or "caption" in row
        name, start, end = _part(row, place)
        media = files.find(name)
        clip = gathered.setdefault((media, start, end), _Clip(line=line, name=name))
        texts = _texts(row, "caption", place)
        clip.captions += tuple(rows.clean(" ".join(text.split()), line) for text in texts)
        for text in _texts(row, "label", place):
            names = [name.strip() for name in rows.clean(text, line).split(_LABEL_SEPARATOR)]
            new = (name for name in dict.fromkeys(names) if name and name not in clip.labels)
            clip.labels = (*clip.labels, *new)
        clip.split = _split(row, clip, place)
    planning.note(path.name, rows.notes())
    labels = tuple(sorted({label for clip in gathered.values() for label in clip.labels}))
    index = {label: number for number, label in enumerate(labels)}
    media_ids, not_there = files.media_ids(), files.missing
    del rows, files  # of a million rows a third of a gigabyte
    clips, missing = [], []
    while gathered:  # from the last one on, so that a million rows are not there twice
        (media, start, end), found = gathered.popitem()
        media_id = media_ids[media]
        if media in not_there:
            missing.append((media_id, readable(media)))
            continue
        times = WHOLE_FILE if end is None and not start else (start, math.inf if end is None else end)
        clips.append(
            Clip(
                media=media,
                media_id=media_id,
                split=found.split or split_of(media_id),
                labels=tuple((index[label], label) for label in found.labels),
                captions=tuple((*times, text) for text in found.captions if text),
                start_seconds=start,
                end_seconds=end,
                segment_seconds=segment_seconds if end is None else None,
            )
        )
    clips.reverse()
    missing.reverse()
    return Manifest(clips=tuple(clips), labels=labels, missing=tuple(missing), has_captions=has_captions)


def _check_columns(columns: list[str], place: str) -> None:
    for column in columns:
        if column not in COLUMNS:
            raise ManifestError(
                f"{place}: the columns of a manifest are {', '.join(COLUMNS)}. Received: "
                f"{column!r}.{closest(column, COLUMNS)} Name one of them, or leave it out."
                + (" A .tsv has no quoting: name the file .csv." if column.startswith('"') else "")
            )
        if columns.count(column) > 1:
            raise ManifestError(f"{place}: the column {column!r} is there more than once. Keep one of them.")
    if "path" not in columns:
        raise ManifestError(f"{place}: a manifest must have a column `path`. Received: {', '.join(columns)}.")


def _part(row: dict, place: str) -> tuple[str, float, float | None]:
    """(path, start in seconds, end in seconds or None) of a row."""
    name = row["path"]
    if not isinstance(name, str) or not name.strip():
        raise ManifestError(f"{place}: `path` must name a media file. Received: {name!r}.")
    start = _seconds(row, "start", place) or 0.0
    end = _seconds(row, "end", place)
    if end is not None and not end > start:
        raise ManifestError(f"{place}: `end` must be after `start`. Received: start={start}, end={end}.")
    return name.strip(), start, end


def _seconds(row: dict, column: str, place: str) -> float | None:
    value = row.get(column)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    seconds = seconds_of(value)
    if seconds is None or seconds < 0:
        raise ManifestError(
            f"{place}: `{column}` must be seconds from the file's start, as 62.5 or 1:02.5. "
            f"Received: {value!r}. Leave it empty for the {column} of the file."
        )
    return seconds


def _texts(row: dict, column: str, place: str) -> list[str]:
    """The captions or labels of a row; a list of them only JSON can hold."""
    value = row.get(column)
    values = value if isinstance(value, list) else [] if value is None else [value]
    for text in values:
        if not isinstance(text, str):
            raise ManifestError(f"{place}: `{column}` must be text or a list of texts. Received: {text!r}.")
    return values


def _split(row: dict, clip: _Clip, place: str) -> str:
    value = row.get("split")
    if value is None or value == "":
        return clip.split
    if not isinstance(value, str) or not _SPLIT.fullmatch(value.strip()):
        raise ManifestError(
            f"{place}: `split` must be a word of letters, digits and underscores, such as train or test. "
            f"Received: {value!r}."
        )
    if clip.split and clip.split != value.strip():
        raise ManifestError(
            f"{place}: a clip must be in one split. Received: {value.strip()!r}, but {clip.split!r} for the "
            f"same path, start and end in line {clip.line} or below."
        )
    return value.strip()
