"""`vatt report RUN` writes the report of a run directory; with two, that of both side by side."""

import argparse

from vatt.arguments import explain
from vatt.report.comparison import write_comparison
from vatt.report.page import write_report
from vatt.terminal import show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the verb."""
    parser.description = (
        "Writes one self-contained HTML page about a run, or about two side by side, from the files in their "
        "directories."
    )
    parser.add_argument("run", metavar="RUN", help="run directory (the MODEL_DIR of a run)")
    parser.add_argument("other", metavar="RUN", nargs="?", help="another one, to be compared with the first")
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="file to write (default: RUN/report.html; of two, compared_with_NAME.html in the second)",
    )
    explain(parser, "vatt report runs/pretrain", "vatt report runs/pretrain runs/second --out both.html")


def main(arguments: argparse.Namespace) -> int:
    """Writes the report and prints its path; returns the exit status."""
    if arguments.other is None:
        show(write_report(arguments.run, arguments.out))
    else:
        show(write_comparison(arguments.run, arguments.other, arguments.out))
    return 0
