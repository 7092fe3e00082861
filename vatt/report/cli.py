"""`vatt report RUN`: writes the report of a run directory."""

import argparse

from vatt.report.page import write_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the verb."""
    parser.description = "Writes one self-contained HTML page about a run, from the files in its directory."
    parser.add_argument("run", metavar="RUN", help="run directory (the MODEL_DIR of a run)")
    parser.add_argument("--output", metavar="FILE", help="file to write (default: RUN/report.html)")


def main(arguments: argparse.Namespace) -> int:
    """Writes the report and prints where it lies; returns the exit status."""
    print(write_report(arguments.run, arguments.output))
    return 0
