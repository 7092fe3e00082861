"""`docs/cli.md`: what `--help` says, of every verb and of every verb below it."""

import argparse
import os
import re
import textwrap
from collections.abc import Iterator
from unittest import mock

from vatt import cli

_WIDTH = 100

_HEAD = """\
# The command line

Made from the parsers themselves; change those. It is what `--help` prints, a hundred characters wide. In
a clone `vatt` is `python -m vatt`. With exit status 2 comes one line: the rule, what was received, a way out.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD, _verbs()]
    with mock.patch.dict(os.environ, {"COLUMNS": str(_WIDTH + 2)}):  # argparse leaves two free
        for verb in cli.VERBS:
            for depth, parser in _below(parser_of(verb)):
                parts.append(f"{'#' * (depth + 2)} `{parser.prog}`\n\n```text\n{_help(parser)}\n```\n")
    return "\n".join(parts)


def parser_of(verb: str) -> argparse.ArgumentParser:
    """The parser of a verb as `vatt.cli.main` makes it."""
    parser = argparse.ArgumentParser(prog=f"vatt {verb}", description=cli.VERBS[verb][1].capitalize() + ".")
    cli.add_verb(verb, parser)
    return parser


def _verbs() -> str:
    rows = [f"| [`{verb}`](#vatt-{verb}) | {summary} |" for verb, (_, summary) in cli.VERBS.items()]
    return "\n".join(["| verb | |", "|---|---|", *rows]) + "\n"


def _below(parser: argparse.ArgumentParser, depth: int = 0) -> Iterator[tuple[int, argparse.ArgumentParser]]:
    """A parser and those of its sub-commands, each once, with how deep it lies."""
    yield depth, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in dict.fromkeys(action.choices.values()):
                yield from _below(sub, depth + 1)


def _help(parser: argparse.ArgumentParser) -> str:
    """The help text; its usage is wrapped here, because versions of Python wrap it in different ways."""
    with mock.patch.dict(os.environ, {"COLUMNS": "100000"}):
        usage = " ".join(parser.format_usage().split())
    bound = re.sub(r"\[[^\[\]]*\]", lambda match: match.group().replace(" ", "\0"), usage)
    lines = textwrap.wrap(
        bound, _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    rest = parser.format_help().partition("\n\n")[2]
    text = "\n".join(lines).replace("\0", " ") + "\n\n" + rest
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
