"""`vatt/completion/vatt.bash` and `vatt.zsh`: what `vatt completion` prints, from the parsers of all verbs.

They are files, because most parsers stand next to code that imports TensorFlow.
"""

import argparse

import shtab

from vatt import cli


def bash() -> str:
    """The script for bash."""
    return shtab.complete(_whole(), "bash").rstrip() + "\n"


def zsh() -> str:
    """The script for zsh."""
    return shtab.complete(_whole(), "zsh").rstrip() + "\n"


def _whole() -> argparse.ArgumentParser:
    """One parser with a sub-command for each verb."""
    parser = argparse.ArgumentParser(prog="vatt")
    verbs = parser.add_subparsers()
    for verb, (_, summary) in cli.VERBS.items():
        cli.add_verb(verb, verbs.add_parser(verb, help=summary))
    _complete_files(parser)
    return parser


def _complete_files(parser: argparse.ArgumentParser) -> None:
    """What takes any text may be a file: shells offer those."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in dict.fromkeys(action.choices.values()):
                _complete_files(below)
        elif action.nargs != 0 and action.type is None and not action.choices:
            action.complete = shtab.FILE
