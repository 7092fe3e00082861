"""All that is printed: text whose control characters are escaped.

A file may be called anything, and captions, labels and messages of libraries hold untrusted text. Sent
to a terminal as they are, some of these characters recolour it, clear it, retitle it, make it type, or show
a name that is another one.
"""

import argparse
import contextlib
import os
import re
import select
import sys
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any, NoReturn

import rich.console
from rich.box import SIMPLE_HEAD
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

# C0, DEL and C1 without tab and line feed; line separators; marks, embeddings, overrides and isolates of
# direction; bytes that are no UTF-8, as Python keeps them.
_LINE = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff"
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_CONTROLS = re.compile(f"[{_LINE}]")
_CONTROLS_AND_BREAKS = re.compile(f"[{_LINE}\t\n]")


_stands_for: dict[str, str] = {}  # folder of this machine -> the address that the user gave


@contextlib.contextmanager
def shown_as(folder: str, address: str) -> Iterator[None]:
    """Within the block messages name the address, and so do errors that leave it, instead of a folder that
    stands for it.
    """
    _stands_for[folder] = address
    try:
        yield
    except Exception as error:
        error.args = tuple(as_given(each) if isinstance(each, str) else each for each in error.args)
        if isinstance(error, OSError) and isinstance(error.filename, str):
            error.filename = as_given(error.filename)
        raise
    finally:
        del _stands_for[folder]


def as_given(text: str) -> str:
    """A text with the addresses that the user gave instead of folders that stand for them."""
    for folder, address in _stands_for.items():
        text = text.replace(folder, address)
    return text


def printable(text: object) -> str:
    r"""Text for a terminal: control characters as `\u001b`, tabs and line ends as they are."""
    return _CONTROLS.sub(_written_out, as_given(str(text)))


def one_line(text: object) -> str:
    r"""The same of what belongs in one line, such as a file's name: tabs and line ends as `\u000a`, too."""
    return _CONTROLS_AND_BREAKS.sub(_written_out, as_given(str(text)))


def has_no_reader() -> bool:
    """Whether what read the output has ended, as `head` does; what else is printed goes nowhere then."""
    output = select.poll()
    output.register(sys.stdout, select.POLLOUT)
    if not any(event & select.POLLERR for _, event in output.poll(0)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


def table_cell(value: object) -> str:
    """A cell of tab- or comma-separated values that no spreadsheet takes for a formula.

    A text that begins with `=`, `+`, `-` or `@`, with white space or an apostrophe, gets an apostrophe in
    front, so that removing one gives the text again; control characters, tabs and line ends are written out
    as `one_line` does. Numbers stay as they are, and so does a text that is one.
    """
    text = str(value)
    if _NUMBER.fullmatch(text):
        return text
    is_formula = text[:1] in tuple("=+-@'＝＋－＠") or text[:1].isspace()
    return f"'{one_line(text)}" if is_formula else one_line(text)


def show(text: object = "") -> None:
    """Prints a result to standard output."""
    print(printable(text), flush=True)


def train_command() -> str:
    """How a training is started where this process was: by the installed command, else by Python."""
    return "vatt train" if Path(sys.argv[0]).name == "vatt" else "python -m vatt.main"


def say(message: object) -> None:
    """Prints one line for the user to standard error; standard output is left to results."""
    print(printable(message), file=sys.stderr, flush=True)


class Parser(argparse.ArgumentParser):
    """A command line's parser, whose errors quote arguments printably, and which takes no empty ones: an
    unset variable of a shell would name the working directory.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        parsed, rest = super().parse_known_args(args, namespace)
        for action in self._actions:
            value = getattr(parsed, action.dest, None)
            if not action.option_strings and (value == "" or isinstance(value, list) and "" in value):
                self.error(
                    f"argument {action.metavar or action.dest}: must not be empty. Is a variable unset?"
                )
        return parsed, rest

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


class Console(rich.console.Console):
    """A console of Rich, for tables and bars, that prints text as `printable` does, and no markup."""

    def __init__(self, **options: Any):
        super().__init__(**{"highlight": False, "markup": False, **options})

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text), **options)  # before Rich measures how wide it is

    def render(self, renderable: Any, options: Any = None) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))

    def on_broken_pipe(self) -> None:
        raise  # rather than leave Python, with another status than where `show` prints


def text_table(*columns: str, left: Container[str]) -> Table:
    """A table for `Console`, whose columns are aligned to the right but for those named in `left`."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for column in columns:
        table.add_column(column, justify="left" if column in left else "right")
    return table


def _written_out(match: re.Match) -> str:
    return f"\\u{ord(match.group()):04x}"
