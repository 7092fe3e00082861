"""Reads a huge JSON object member by member: HowTo100M's captions are one object of many gigabytes."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vatt.files.regular_file import NotRegularError, open_regular
from vatt.prepare.errors import AnnotationError

_CHUNK = 1 << 20  # characters read at a time
_MOST_CHARACTERS = 64 << 20  # of one value
_BLANKS = " \t\r\n"


def read_members(path: str | Path, *, chunk: int = _CHUNK) -> Iterator[tuple[str, Any]]:
    """(key, value) of each member of the object that a file holds, in its order.

    Never more than one value and one chunk of text are in memory. Values must be objects, lists or strings:
    of a number, a part that ends with the chunk could not be distinguished from the whole.

    Raises:
        AnnotationError: the file holds something else, or ends early.
    """
    path = Path(path)
    decode = json.JSONDecoder().raw_decode
    try:
        opened = open_regular(path)
    except NotRegularError as error:
        raise AnnotationError(str(error)) from error
    with io.TextIOWrapper(opened, encoding="utf-8-sig") as file:
        text = _Text(path, file, chunk)
        text.expect("{")
        if text.next() == "}":
            return
        while True:
            key = text.value(decode)
            text.expect(":")
            yield key, text.value(decode)
            if text.next() == "}":
                return
            text.expect(",")


class _Text:
    """A window on the file that grows until what is wanted is in it whole."""

    def __init__(self, path: Path, file, chunk: int):
        self._path, self._file, self._chunk = path, file, chunk
        self._window, self._at, self._passed = "", 0, 0

    def next(self) -> str:
        """The next character that is no blank, which is not consumed; "" at the end."""
        while True:
            while self._at < len(self._window):
                if self._window[self._at] not in _BLANKS:
                    return self._window[self._at]
                self._at += 1
            if not self._grow(self._chunk):
                return ""

    def expect(self, character: str) -> None:
        """Consumes one character that has to be there."""
        found = self.next()
        if found != character:
            raise self._error(f"Received: {found!r} instead of {character!r}" if found else "It ends early")
        self._at += 1

    def value(self, decode):
        """Consumes one value."""
        self.next()
        size = self._chunk
        while True:
            try:
                value, self._at = decode(self._window, self._at)
                return value
            except (RecursionError, ValueError) as error:
                if isinstance(error, RecursionError):
                    raise self._error("Received: lists and objects too deep in each other") from error
                if not isinstance(error, json.JSONDecodeError):  # a number of thousands of digits
                    raise self._error(f"Received: {error}") from error
                if len(self._window) - self._at > _MOST_CHARACTERS:
                    raise self._error("Received: a value that does not end") from error
                # Twice as much each time: a value of n characters costs a few n, not n².
                if not self._grow(size):
                    raise self._error(f"Received: {error.msg}") from error
                size *= 2

    def _grow(self, size: int) -> bool:
        try:
            more = self._file.read(size)
        except UnicodeDecodeError as error:
            raise self._error(f"Received: bytes that are no UTF-8 ({error.reason})") from error
        if not more:
            return False
        self._passed += self._at
        self._window, self._at = self._window[self._at :] + more, 0
        return True

    def _error(self, what: str) -> AnnotationError:
        return AnnotationError(
            f"{self._path} must hold one JSON object. {what} at character {self._passed + self._at}. "
            "Download it again: it may have been cut short."
        )
