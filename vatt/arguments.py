"""What command lines have in common: the end of --help, some options, types of numbers that are finite and of
a size that a machine has use for.

`float` takes NaN and infinities, `int` takes a number of a thousand digits; what they lead to far from the
command line blames a file, a worker or nobody. What is wrong with a number of a sensible size, such as zero,
is said by who uses it.
"""

import argparse
import textwrap
from collections.abc import Callable


def bounded(kind: Callable[[str], float], most: float) -> Callable[[str], float]:
    """An argparse type for numbers between `-most` and `most`, those nearer to 0 than 1 / `most` excepted.

    Args:
        kind: `int` or `float`.
        most: the largest.
    """

    def parse(text: str) -> float:
        value = kind(text)
        if not -most <= value <= most:  # nor NaN
            raise argparse.ArgumentTypeError(
                f"must be finite and no larger than {most:,.0f}. Received: {text:.40}."
            )
        if 0 < abs(value) < 1 / most:
            raise argparse.ArgumentTypeError(
                f"must be 0 or no smaller than one part in {most:,.0f}. Received: {text:.40}."
            )
        return value

    parse.__name__ = kind.__name__  # argparse names it where the text is no number at all
    return parse


def probability(text: str) -> float:
    """An argparse type for numbers from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:  # nor NaN
        raise argparse.ArgumentTypeError(f"must be a probability, from 0 to 1. Received: {text:.40}.")
    return value


def positive(kind: Callable[[str], float]) -> Callable[[str], float]:
    """An argparse type for what `kind` reads and is above 0."""

    def parse(text: str) -> float:
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"must be positive. Received: {text}.")
        return value

    parse.__name__ = kind.__name__
    return parse


COUNT = bounded(int, 10**9)
SEED = bounded(int, 2**31 - 1)
PROCESSES = bounded(int, 1_024)
PIXELS = bounded(int, 65_536)  # or frames of a clip, or windows of a batch
WHOLE_RATE, RATE = bounded(int, 10**6), bounded(float, 10**6)  # in Hz
SECONDS = bounded(float, 10**6)
GIBIBYTES = bounded(float, 10**6)
QUANTITY = bounded(float, 10**9)


def explain(parser: argparse.ArgumentParser, *examples: str, status: str = "0 done") -> None:
    """Ends --help with commands to copy and the exit statuses, after what the parser says already.

    Args:
        parser: of a verb, or of one below it.
        examples: whole commands.
        status: what the statuses mean; 2 and 130 are every verb's.
    """
    if parser.formatter_class is argparse.HelpFormatter:  # which would join the examples to one paragraph
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.description = textwrap.fill(parser.description or "", 100)
        parser.epilog = textwrap.fill(parser.epilog or "", 100)
    lines = [
        *(f"  {each}" for each in examples),
        "",
        f"Exit status: {status}, 2 a wrong argument or file, 130 Ctrl-C.",
    ]
    parser.epilog = "\n".join(
        [parser.epilog or "", "example:" if len(examples) == 1 else "examples:", *lines]
    )


def add_json(parser: argparse._ActionsContainer) -> None:
    """Adds `--json`: what is printed is JSON."""
    parser.add_argument("--json", action="store_true", help="print the same as JSON")


def add_processes(parser: argparse._ActionsContainer) -> None:
    """Adds `--processes`, how many processes of this machine do the work; None: one per core."""
    parser.add_argument(
        "--processes", type=positive(PROCESSES), metavar="N", help="processes (default: one per core)"
    )
    parser.add_argument("--workers", action=_Renamed, help=argparse.SUPPRESS)


class _Renamed(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        parser.error(
            "`--workers` names the machines of `vatt train`; processes of this one are `--processes`. "
            f"Received: --workers {values:.40}."
        )
