"""`vatt completion bash|zsh`: a script by which a shell completes verbs, options, values and file names."""

import argparse
from pathlib import Path

from vatt.arguments import explain
from vatt.terminal import show

_ABOUT = """\
Prints a script; zsh looks for it in a folder of $fpath.
A script knows the options of the version that printed it: print it again after an update.
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
    show((Path(__file__).parent / f"vatt.{args.shell}").read_text(encoding="utf-8").rstrip())
    return 0
