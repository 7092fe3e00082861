"""`vatt completion bash|zsh`: a script by which a shell completes verbs, options, values and file names."""

import argparse
from collections.abc import Mapping

from vatt import cli
from vatt.arguments import explain
from vatt.terminal import Parser, say, show

_ABOUT = """\
Prints a script; zsh looks for it in a folder of $fpath.
A script knows the options of the version that printed it, and of what is installed: print it again after an
update.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The shell."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _ABOUT
    parser.add_argument("shell", choices=("bash", "zsh"))
    explain(
        parser,
        "vatt completion bash > ~/.local/share/bash-completion/completions/vatt",
        "vatt completion zsh > ~/.zfunc/_vatt",
    )


def main(args: argparse.Namespace) -> int:
    """Prints the script; returns the exit status."""
    import shtab

    show(shtab.complete(_whole(shtab.FILE), args.shell).rstrip())
    return 0


def _whole(file: object) -> argparse.ArgumentParser:
    """One parser with a sub-command for each verb."""
    parser = Parser(prog="vatt")
    verbs = parser.add_subparsers()
    for verb, (_, summary) in cli.VERBS.items():
        below = verbs.add_parser(verb, help=summary)
        try:
            cli.add_verb(verb, below)
        except ModuleNotFoundError as error:
            say(f"Options of `vatt {verb}` are left out: it needs {error.name}, which is not installed.")
    _complete_files(parser, file)
    return parser


def _complete_files(parser: argparse.ArgumentParser, file: object) -> None:
    """What takes any text may be a file: shells offer those."""
    for action in parser._actions:
        if isinstance(action.choices, Mapping):
            for below in dict.fromkeys(action.choices.values()):
                _complete_files(below, file)
        elif action.nargs != 0 and action.type is None and not action.choices:
            setattr(action, "complete", file)  # noqa: B010 (shtab's, of which argparse knows nothing)
