"""Reads the documents of the repository: fenced blocks, commands, names in backticks."""

import argparse
import re
from pathlib import Path

from docs import generators
from docs.generators.command_line import parser_of
from vatt import cli

ROOT = Path(__file__).parents[1]
# Made from the code at build: no file of these is read, whether there is one or not.
MADE = [generators.DOCS / name for name in generators.AT_BUILD]
_FOUND = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "data").rglob("*.md")]
WRITTEN = [path for path in _FOUND if path not in MADE]
DOCUMENTS = WRITTEN + MADE
GIN_FILES = sorted((ROOT / "experiments").rglob("*.gin"))
# Documents whose code and commands are of examples that are put into a copy of the tree, by the test named.
EXAMPLES = dict.fromkeys(("extending.md", "losses.md"), "tests/test_extending.py")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def is_of_examples(path):
    """Whether another test runs what a document shows."""
    if path.name not in EXAMPLES:
        return False
    assert path.name in text_of(ROOT / EXAMPLES[path.name])
    return True


def text_of(path):
    if path in MADE:
        return generators.text_of(path.name)
    return path.read_text(encoding="utf-8")


def blocks(path, language):
    """The fenced blocks of one language, with the line that each begins in."""
    text = text_of(path)
    for match in _BLOCK.finditer(text):
        if match.group(1) == language:
            yield text[: match.start(2)].count("\n") + 1, match.group(2)


def spans(path):
    """What stands in single backticks, outside of fenced blocks, on one line."""
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", _BLOCK.sub("", text_of(path)))


def commands(path):
    """Every command of a document or a gin header that a reader would type, `&&` parts apart, no comments."""
    text = re.sub(r"\\\n#?\s*", "", text_of(path))  # a command over several lines
    for line in text.splitlines():
        line = line.strip().removeprefix("#").strip()
        for part in line.split("&&"):
            part = re.sub(r"^(TF_\w+=\S+ )+", "", re.sub(r"\s+[#>]\s.*|\s{3,}\(.*", "", part.strip()))
            part = re.sub(rf"^vatt (?=({'|'.join(cli.VERBS)})\b)", "python -m vatt ", part)
            if part.startswith(("python -m ", "python benchmarks/")):
                yield part


def parser_that_raises(verb):
    """The parser of a verb; what it refuses is an exception with the reason, at any depth."""
    parser = parser_of(verb)

    def refuse(message):
        raise argparse.ArgumentError(None, f"{verb}: {message}")

    pending = [parser]
    while pending:
        each = pending.pop()
        each.error, each.allow_abbrev = refuse, False  # a document gives whole names
        pending += list(subparsers(each).values())
    return parser


def subparsers(parser):
    """Sub-command -> its parser; {} where a parser has none."""
    found = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= action.choices
    return found


def options(parser):
    """Every option of a parser and of those below it."""
    own = {option for action in parser._actions for option in action.option_strings}
    return own.union(*(options(each) for each in subparsers(parser).values()))
