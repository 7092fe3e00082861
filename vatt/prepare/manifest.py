"""One table of everything -> clips: a CSV or JSONL file with path, start, end, caption, label and split.

Rows of the same path, start and end are one clip, so that a clip can have several captions and labels.
"""

import csv
import dataclasses
import difflib
import io
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from vatt.json_file import JsonError, parse_json
from vatt.prepare.captions import WHOLE_FILE, Caption
from vatt.prepare.record import Clip
from vatt.regular_file import read_regular

COLUMNS = ("path", "start", "end", "caption", "label", "split")
SUFFIXES = (".csv", ".tsv", ".jsonl")
_MOST_BYTES = 1 << 30  # of the file: some ten million rows
_LABEL_SEPARATOR = "|"
_SPLIT = re.compile(r"[A-Za-z0-9_]+")  # it becomes a part of the shards' names
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d*)?)")  # [hours:]minutes:seconds


class ManifestError(ValueError):
    """A manifest that can not be used; the message names file and line."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a manifest asks for.

    Attributes:
        clips: in the order in which they are named first; labelled by their place in `labels`.
        labels: texts of all labels in alphabetical order.
        missing: (media_id, path that was looked for) of files that are not there.
    """

    clips: tuple[Clip, ...]
    labels: tuple[str, ...]
    missing: tuple[tuple[str, str], ...]


@dataclasses.dataclass
class _Clip:
    """A clip whose rows are still being read."""

    line: int
    captions: list[str] = dataclasses.field(default_factory=list)
    labels: list[str] = dataclasses.field(default_factory=list)
    split: str = ""


def read_manifest(
    path,
    *,
    segment_seconds: float | None = None,
    split_of: Callable[[str], str] = lambda media_id: "train",
    captions_of: Callable[[Path], tuple[Caption, ...]] = lambda media: (),
) -> Manifest:
    """Reads a manifest.

    `path` (required) is relative to the manifest's folder; `start` and `end` are seconds or [h:]mm:ss from
    the file's start, empty for its ends; `label` may hold several, separated by "|". A JSONL file has the
    same keys in an object per line, where `caption` and `label` may be lists.

    Args:
        path: the file; by its ending .csv, .tsv or .jsonl.
        segment_seconds: clips without an `end` are cut into records of this length; None: they are not.
        split_of: split of a media_id for rows that name none.
        captions_of: captions of a media file for a manifest without a `caption` column.

    Raises:
        ManifestError: a row that breaks these rules.
    """
    path = Path(path)
    gathered: dict[tuple[str, float, float | None], _Clip] = {}
    has_captions = False
    for line, row in _rows(path):
        place = f"{path}, line {line}"
        has_captions = has_captions or "caption" in row
        clip = gathered.setdefault(_part(row, place), _Clip(line=line))
        clip.captions += [" ".join(text.split()) for text in _texts(row, "caption", place)]
        for text in _texts(row, "label", place):
            names = [name.strip() for name in text.split(_LABEL_SEPARATOR)]
            clip.labels += [name for name in names if name and name not in clip.labels]
        clip.split = _split(row, clip, place)
    labels = tuple(sorted({label for clip in gathered.values() for label in clip.labels}))
    index = {label: number for number, label in enumerate(labels)}
    clips, missing = [], []
    for (name, start, end), found in gathered.items():
        media = path.parent / name
        media_id = _media_id(name, path.parent)
        if not media.is_file():
            missing.append((media_id, str(media)))
            continue
        times = WHOLE_FILE if end is None and not start else (start, math.inf if end is None else end)
        captions = tuple((*times, text) for text in found.captions if text)
        clips.append(
            Clip(
                media=str(media),
                media_id=media_id,
                split=found.split or split_of(media_id),
                labels=tuple((index[label], label) for label in found.labels),
                captions=captions if has_captions else captions_of(media),
                start_seconds=start,
                end_seconds=end,
                segment_seconds=segment_seconds if end is None else None,
            )
        )
    return Manifest(clips=tuple(clips), labels=labels, missing=tuple(missing))


def _media_id(name: str, folder: Path) -> str:
    """The path below the manifest's folder if it lies there, so that the set can be moved; else as given."""
    media = Path(name)
    if media.is_absolute() and media.is_relative_to(folder.absolute()):
        media = media.relative_to(folder.absolute())
    return media.as_posix()


def _rows(path: Path) -> Iterator[tuple[int, dict]]:
    """(line number, {column: value}) of each row, its columns checked; without empty values."""
    try:
        text = read_regular(path, max_bytes=_MOST_BYTES).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path} can not be read as UTF-8 text: {error}") from error
    if path.suffix.lower() not in SUFFIXES:
        raise ManifestError(f"A manifest must be one of {' '.join(SUFFIXES)}. Received: {path}.")
    rows = _json_rows(text, path) if path.suffix.lower() == ".jsonl" else _table_rows(text, path)
    is_empty = True
    for line, row in rows:
        is_empty = False
        yield line, row
    if is_empty:
        raise ManifestError(f"A manifest must have at least one row. Received: {path}, which has none.")


def _table_rows(text: str, path: Path) -> Iterator[tuple[int, dict]]:
    header = text.lstrip("\r\n").split("\n", 1)[0]
    separator = max("\t,;", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    columns = None
    try:
        for values in reader:
            if not any(value.strip() for value in values):
                continue
            place = f"{path}, line {reader.line_num}"
            if columns is None:
                columns = [value.strip().lower() for value in values]
                _check_columns(columns, place)
                continue
            if len(values) > len(columns):
                raise ManifestError(
                    f"{place}: a row must have one value for each of {', '.join(columns)}. Received: "
                    f"{len(values)} values. Put values that hold a {separator!r} into double quotes."
                )
            # All columns of the table are there in each row, even if empty: a manifest with a column
            # `caption` decides about captions.
            yield reader.line_num, dict(zip(columns, values)) | dict.fromkeys(columns[len(values) :], "")
    except csv.Error as error:
        raise ManifestError(f"{path}, line {reader.line_num}: {error}") from error


def _json_rows(text: str, path: Path) -> Iterator[tuple[int, dict]]:
    for line, content in enumerate(text.splitlines(), start=1):
        if not content.strip():
            continue
        place = f"{path}, line {line}"
        try:
            row = parse_json(content, place)
        except JsonError as error:
            raise ManifestError(f"{place}: is not JSON: {error.problem}") from error
        if not isinstance(row, dict):
            raise ManifestError(f"{place}: must be an object with the keys {', '.join(COLUMNS)}.")
        _check_columns(list(row), place)
        yield line, row


def _check_columns(columns: list[str], place: str) -> None:
    for column in columns:
        if column not in COLUMNS:
            closest = difflib.get_close_matches(column, COLUMNS, n=1, cutoff=0.0)[0]
            raise ManifestError(
                f"{place}: the columns of a manifest are {', '.join(COLUMNS)}. Received: {column!r}. "
                f"Did you mean {closest!r}? Otherwise leave it out."
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
        raise ManifestError(f"{place}: `end` must lie after `start`. Received: start={start}, end={end}.")
    return name.strip(), start, end


def _seconds(row: dict, column: str, place: str) -> float | None:
    value = row.get(column)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    clock = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    try:
        if clock:
            hours, minutes, seconds = clock.groups()
            return 3600.0 * int(hours or 0) + 60.0 * int(minutes) + float(seconds)
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds >= 0):
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
            f"{place}: a clip must lie in one split. Received: {value.strip()!r}, but {clip.split!r} for the "
            f"same path, start and end in line {clip.line} or below."
        )
    return value.strip()
