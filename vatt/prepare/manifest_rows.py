"""The rows of a table, CSV, TSV or JSON Lines: every row is given, counted or an error with its line.

CSV is RFC 4180's, with commas, semicolons or tabs: a value in double quotes may hold them and line ends, and
a quote that stays open is an error. TSV has no quoting: a tab ends a value, a line end a row, and `"` is a
character like any other. In JSON Lines a row is an object. Lines end with LF, CR LF or CR, and nothing else.
"""

import csv
import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from vatt.files.json_file import JsonError, parse_json
from vatt.files.regular_file import NotRegularError, read_regular
from vatt.prepare.captions import Note
from vatt.prepare.captions.legacy import legacy_encoding

SUFFIXES = (".csv", ".tsv", ".jsonl")
_MAX_BYTES = 4 << 30
_LINE_END = re.compile(r"\r\n|\n|\r")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")  # with its end
_SURROGATE = re.compile("[\ud800-\udfff]")
_QUOTED = "values of a .tsv in double quotes keep them, as TSV has no quoting"
_NOT_ASCII = re.compile("[^\x00-\x7f\ud800-\udfff]")


class ManifestError(ValueError):
    """A manifest that can not be used; the message names file and line."""


class ManifestRows:
    """The rows of one file.

    Args:
        path: by its ending .csv, .tsv or .jsonl. UTF-8, or UTF-16 with its byte-order mark. Bytes that are no
            UTF-8 stand in values as Python has them in the names of files (`surrogateescape`).
        check_columns: called with the columns, or with the keys of a row, and their place.

    Raises:
        ManifestError: the file can not be read.
    """

    def __init__(self, path: Path, check_columns: Callable[[list[str], str], None]):
        if path.suffix.lower() not in SUFFIXES:
            raise ManifestError(f"A manifest must be one of {' '.join(SUFFIXES)}. Received: {path}.")
        self.path, self._check_columns = path, check_columns
        self._counts: Counter[str] = Counter()
        self._text = self._decoded()

    def __iter__(self) -> Iterator[tuple[int, dict]]:
        """(number of the line on which it begins, column -> value) of each row."""
        suffix = self.path.suffix.lower()
        rows = (
            self._json()
            if suffix == ".jsonl"
            else self._table(self._tsv() if suffix == ".tsv" else self._csv())
        )
        is_empty = True
        for line, row in rows:
            is_empty = False
            yield line, row
        if is_empty:
            raise ManifestError(
                f"A manifest must have at least one row. Received: {self.path}, which has none."
            )

    def place(self, line: int) -> str:
        """As errors name it."""
        return f"{self.path}, line {line}"

    def clean(self, text: str, line: int) -> str:
        """A value that is a text, without bytes or characters that no text has; they are counted.

        ManifestError: no part of the file is UTF-8, so it is in another encoding.
        """
        if not _SURROGATE.search(text):
            return text
        if self._is_of_other_encoding:
            encoding = legacy_encoding(self._text.encode("utf-8", "surrogateescape"))
            name = encoding.replace("cp125", "windows-125").replace("_", "-").upper()
            read = text.encode("utf-8", "surrogateescape").decode(encoding, "replace")
            raise ManifestError(
                f"{self.place(line)}: a manifest must be UTF-8. Received: {read!r:.80}, most probably in "
                f"{name}. Save it as “CSV UTF-8”, or convert it: `iconv -f {name} -t UTF-8`."
            )
        self._counts["bytes or characters that are no Unicode text became �"] += 1
        return _SURROGATE.sub("�", text)

    @functools.cached_property
    def _is_of_other_encoding(self) -> bool:
        """Whether bytes above 127 are there, and not one sequence of them is UTF-8."""
        return bool(_SURROGATE.search(self._text)) and not _NOT_ASCII.search(self._text)

    def notes(self) -> tuple[Note, ...]:
        """What was repaired, guessed or passed over so far."""
        return tuple(Note(what, count) for what, count in sorted(self._counts.items()) if count)

    def _decoded(self) -> str:
        try:
            content = read_regular(self.path, max_bytes=_MAX_BYTES)
            if content.startswith((b"\xff\xfe", b"\xfe\xff")):
                return content.decode("utf-16")
        except (OSError, NotRegularError, UnicodeError) as error:
            raise ManifestError(f"{self.path} can not be read: {error}") from error
        return content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")

    def _table(self, rows: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, dict]]:
        columns = None
        for line, values in rows:
            if not any(value.strip() for value in values):
                self._counts["empty rows were passed over"] += 1
            elif columns is None:
                columns = [value.strip().lower() for value in values]
                while not columns[-1]:
                    columns.pop()
                self._check_columns(columns, self.place(line))
            else:
                self._check_length(columns, values, line)
                # All columns of the table are there in each row, even if empty: a manifest with a column
                # `caption` decides about captions.
                yield line, dict(zip(columns, values, strict=False))

    def _check_length(self, columns: list[str], values: list[str], line: int) -> None:
        if len(values) < len(columns) or any(value.strip() for value in values[len(columns) :]):
            way_out = (
                "A tab within a value can not be: replace it by a space."
                if self.path.suffix.lower() == ".tsv"
                else "Put values that hold a separator into double quotes, and keep the separators of empty "
                "ones."
            )
            raise ManifestError(
                f"{self.place(line)}: a row must have one value for each of {', '.join(columns)}. Received: "
                f"{len(values)} values. {way_out}"
            )

    def _tsv(self) -> Iterator[tuple[int, list[str]]]:
        for line, text in self._lines():
            values = text.split("\t")
            self._counts[_QUOTED] += sum(len(value) > 1 and value[0] == value[-1] == '"' for value in values)
            yield line, values

    def _csv(self) -> Iterator[tuple[int, list[str]]]:
        self._refuse_nul()
        header = next((text for _, text in self._lines()), "")
        separator = max("\t,;", key=header.count)
        lines = (found.group() for found in _LINE.finditer(self._text))  # StringIO takes four bytes a letter
        reader = csv.reader(lines, delimiter=separator, strict=True)
        begins = 1
        try:
            for values in reader:
                if values:
                    if reader.line_num > begins:
                        self._counts["values in quotes hold a line end"] += 1
                    yield begins, values
                begins = reader.line_num + 1
        except csv.Error as error:
            raise ManifestError(
                f"{self.place(begins)}: {_explained(str(error))} A value that begins with a double quote "
                "ends with the next one; one within it is written twice."
            ) from error

    def _json(self) -> Iterator[tuple[int, dict]]:
        for line, text in self._lines():
            try:
                row = parse_json(text, self.place(line), has_unique_keys=True)
            except JsonError as error:
                raise ManifestError(
                    f"{self.place(line)}: is not JSON. Received: {error.problem}. Correct the line, or leave "
                    "it out."
                ) from error
            if not isinstance(row, dict):
                raise ManifestError(f"{self.place(line)}: a row must be an object. Received: {text!a:.80}.")
            self._check_columns(list(row), self.place(line))
            yield line, row

    def _lines(self) -> Iterator[tuple[int, str]]:
        """(number from 1, text) of each line that is not blank."""
        self._refuse_nul()
        for line, text in enumerate(_LINE_END.split(self._text), start=1):
            if text.strip():
                yield line, text

    def _refuse_nul(self) -> None:
        at = self._text.find("\0")
        if at >= 0:
            line = 1 + len(_LINE_END.findall(self._text, 0, at))
            raise ManifestError(
                f"{self.place(line)}: a table must be text. Received: a NUL character. Look whether the file "
                "was cut off or is in UTF-16 without its byte-order mark."
            )


def _explained(problem: str) -> str:
    if "unexpected end of data" in problem:
        return "a double quote is opened here and never closed."
    if "expected after" in problem:
        return "a double quote is opened here, or closed in the middle of a value."
    return f"{problem}."
