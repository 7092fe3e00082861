"""Reads official annotation files strictly: what is not as published is an error that names file and line.

A data set's labels hang on the order of its files, so a file that was edited, cut short or belongs to another
release must not be read as if nothing had happened.
"""

import contextlib
import csv
import dataclasses
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from vatt.errors import closest
from vatt.files.json_file import JsonError, read_json
from vatt.files.regular_file import NotRegularError, open_regular
from vatt.prepare.errors import AnnotationError
from vatt.prepare.layouts.subset import OFFICIAL, OUTSIDE, WAY_OUT, Subset, check_number, spread

_MOST_BYTES = 1 << 30  # of a JSON file


def not_as_published(where: object, rule: str, received: object) -> AnnotationError:
    """The error of a file, or of a place in one, that breaks a rule of its format."""
    return AnnotationError(
        f"{where}: {rule}. Received: {received}. Take the file as the data set publishes it."
    )


def find_file(directory: str | Path, *names: str) -> Path:
    """The first of `names` (paths below `directory`) that is a file."""
    directory = Path(directory)
    if found := optional_file(directory, *names):
        return found
    rule = f"`--annotations` must be a folder that holds {' or '.join(names)}. Received: {directory}, which"
    if not directory.is_dir():
        raise AnnotationError(f"{rule} is no folder.")
    present = sorted(path.name for path in directory.iterdir())[:5]
    raise AnnotationError(
        f"{rule} holds {', '.join(present) or 'nothing'}{' …' if len(present) == 5 else ''}. "
        "Give the folder of the official files, and keep their names."
    )


def optional_file(directory: str | Path, *names: str) -> Path | None:
    """As `find_file`, but None where there is none."""
    return next((path for name in names if (path := Path(directory, name)).is_file()), None)


def find_files(directory: str | Path, *names: str) -> list[Path]:
    """Those of `names` that are there, at least one."""
    found = [path for name in names if (path := optional_file(directory, name))]
    return found or [find_file(directory, *names)]  # raises: says what is missing


@contextlib.contextmanager
def _text(path: Path) -> Iterator[IO[str]]:
    """The file opened as text; what is no text is an error that names it."""
    try:
        with io.TextIOWrapper(open_regular(path), encoding="utf-8-sig", newline="") as file:
            yield file
    except NotRegularError as error:
        raise AnnotationError(str(error)) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise not_as_published(path, "this must be a text file in UTF-8, unpacked", error) from error


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of a table."""

    where: str  # "file:line", for messages
    values: dict[str, str]  # by column

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    def get(self, column: str, default: str = "") -> str:
        return self.values.get(column, default)

    def number(self, column: str) -> float:
        """The column as a finite number."""
        try:
            value = float(self.values[column])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise not_as_published(self.where, f"`{column}` must be a number", repr(self.values[column]))
        return value

    def integer(self, column: str) -> int:
        """The column as a whole number."""
        value = self.number(column)
        if value != int(value):
            rule = f"`{column}` must be a whole number"
            raise not_as_published(self.where, rule, repr(self.values[column]))
        return int(value)


def read_table(path: str | Path, columns: Sequence[str], *, optional: Sequence[str] = ()) -> Iterator[Row]:
    """The rows of a comma-separated file with a header line.

    Args:
        path: UTF-8, with or without a byte-order mark.
        columns: names that the header must have; their order is free.
        optional: names that it may have besides. Any other is refused: it belongs to another release.
    """
    path = Path(path)
    with _text(path) as file:
        reader = csv.reader(file)
        header = [name.strip() for name in next(reader, [])]
        if not set(columns) <= set(header) <= {*columns, *optional}:
            further = f", and may have {','.join(optional)}" if optional else ""
            rule = f"the first line must name the columns {','.join(columns)}{further}"
            raise not_as_published(path, rule, ",".join(header)[:200] or "an empty file")
        yield from _rows(path, reader, header)


def read_rows(path: str | Path, columns: Sequence[str], *, skip_lines: int = 0) -> Iterator[Row]:
    """The rows of a comma-separated file without a header line; blanks behind commas are dropped."""
    path = Path(path)
    with _text(path) as file:
        for _ in range(skip_lines):
            next(file, None)
        yield from _rows(path, csv.reader(file, skipinitialspace=True), columns, lines_before=skip_lines)


def _rows(path: Path, reader, columns: Sequence[str], lines_before: int = 0) -> Iterator[Row]:
    for fields in reader:
        if not fields:
            continue
        where = f"{path}:{lines_before + reader.line_num}"
        if len(fields) != len(columns):
            rule = f"a line must have {len(columns)} fields ({','.join(columns)})"
            raise not_as_published(where, rule, f"{len(fields)}, {','.join(fields)[:200]!r}")
        yield Row(where, dict(zip(columns, (field.strip() for field in fields))))


def read_lines(path: str | Path) -> Iterator[tuple[str, str]]:
    """("file:line", text) of each line that is not blank, without blanks around it."""
    with _text(Path(path)) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield f"{path}:{number}", line.strip()


def read_object(path: str | Path, *keys: str) -> dict[str, Any]:
    """A JSON file that holds an object with at least these keys."""
    try:
        content = read_json(path, max_bytes=_MOST_BYTES)
    except JsonError as error:
        raise AnnotationError(
            f"{path} must be JSON. Received: {error.problem}. Download it again: it may have been cut short."
        ) from error
    for key in keys:
        read_key(content, key, str(path))
    return content


def read_key(entry: Any, key: str, where: str) -> Any:
    """`entry[key]` of an object in a JSON file."""
    if not isinstance(entry, dict) or key not in entry:
        found = ", ".join(map(str, entry)) if isinstance(entry, dict) else type(entry).__name__
        raise not_as_published(where, f"this must have `{key}`", found[:200])
    return entry[key]


class Labels:
    """The classes of a data set in their fixed order; a label's index is its place in it.

    Args:
        names: the classes in order, each once.
        source: where they come from, for messages.
        count: how many the data set has, where the order rests on having all of them.
        subset: which part of the set is asked for; of a part the list may be incomplete.
    """

    def __init__(
        self,
        names: Iterable[str],
        source: object,
        *,
        count: int | None = None,
        subset: Subset = Subset(),  # noqa: B008 (frozen)
    ):
        self.names = tuple(names)
        self._source = source
        self._index = {name: index for index, name in enumerate(self.names)}
        if len(self._index) != len(self.names):
            twice = next(name for index, name in enumerate(self.names) if self._index[name] != index)
            raise AnnotationError(f"{source}: a class must be named once. Received: {twice!r} twice.")
        self._may_lack = subset.is_chosen
        if count is None or len(self.names) == count:
            return
        if not subset.is_chosen or len(self.names) > count:
            raise AnnotationError(
                f"{source}: the data set has {count} classes. Received: {len(self.names)}. "
                f"With another number the indices would shift. {WAY_OUT}"
            )
        if subset.numbering == OFFICIAL:
            raise AnnotationError(
                f"{source}: the official numbers follow from the order of all {count} classes. Received: "
                f"{len(self.names)} of them. Give the complete official files, or number the subset's "
                "classes anew with --labels compact."
            )

    @classmethod
    def numbered(
        cls,
        pairs: Iterable[tuple[int, str]],
        source: object,
        *,
        count: int | None = None,
        subset: Subset = Subset(),  # noqa: B008 (frozen)
    ) -> "Labels":
        """From (index, name) in any order; the indices must be 0, 1, 2 …, of a subset some of them."""
        pairs = sorted(pairs)
        if subset.is_chosen and len({index for index, _ in pairs}) == len(pairs) > 0:
            for index, name in pairs:
                check_number(index, count, name, source)
            return cls(spread(dict(pairs), count), source, count=count, subset=subset)
        for place, (index, name) in enumerate(pairs):
            if index != place:
                raise AnnotationError(
                    f"{source}: the classes must be numbered without gaps or repeats. "
                    f"Received: {name!r} has the number {index}, and {place} comes next. "
                    f"Take the file as the data set publishes it. {WAY_OUT}"
                )
        return cls((name for _, name in pairs), source, count=count, subset=subset)

    def of(self, name: str, where: str) -> tuple[int, str]:
        """(index, name), as `Clip.labels` has it; of a subset `OUTSIDE` for a class that its list lacks. An
        AnnotationError says `where` a name was read that no class has.
        """
        if name not in self._index:
            if self._may_lack:
                return OUTSIDE, name
            raise AnnotationError(
                f"{where}: a label must be one of the {len(self.names)} classes of {self._source}. "
                f"Received: {name!r}.{closest(name, self.names)}"
            )
        return self._index[name], name
