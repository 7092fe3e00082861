"""`vatt doctor RECORDS`: examines a prepared set; exit status 0 clean, 1 findings, 2 it could not be read."""

import argparse
import json
from pathlib import Path

from vatt import environment
from vatt.arguments import COUNT, add_json, add_processes, explain
from vatt.prepare.doctor.examine import examine
from vatt.prepare.doctor.facts import as_json, as_text
from vatt.prepare.doctor.page import write_page
from vatt.prepare.doctor.repair import check_target, repair
from vatt.prepare.progress import say
from vatt.terminal import show

_DESCRIPTION = """\
Reads every record of a prepared set and looks for what goes wrong in silence: damaged or missing shards,
frames that do not decode, audio that is silent, cast or out of sync, labels that shifted, captions with
broken text or times, and clips that are in two splits. It changes nothing.

With --environment, it lists instead what is installed, on which machine and devices, and which extras are
missing for what.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the verb."""
    parser.description = _DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("records", metavar="RECORDS", nargs="?", help="directory of the prepared set")
    parser.add_argument("--environment", action="store_true", help="versions, devices, what is missing")
    parser.add_argument(
        "--sample",
        type=COUNT,
        metavar="N",
        help="decode all frames of N records only, and three frames of each other (default: all)",
    )
    parser.add_argument("--train_split", default="train", help="the split to train on (default: %(default)s)")
    parser.add_argument(
        "--html", metavar="FILE", help="write a page with findings, facts and a contact sheet"
    )
    add_json(parser)
    parser.add_argument("--repair", metavar="OUT", help="write a repaired copy of the set into OUT")
    add_processes(parser)
    explain(parser, "vatt doctor RECORDS --html doctor.html", status="0 clean, 1 findings")


def main(args: argparse.Namespace) -> int:
    """Examines, reports and, if asked, repairs; returns the exit status."""
    if args.environment and args.json:
        raise ValueError(
            "`--json` prints findings of RECORDS. Received: --environment. Leave one of them out."
        )
    if args.environment:
        show("\n".join(environment.lines()))
        return 0
    if args.records is None:
        raise ValueError("`vatt doctor` needs RECORDS, a prepared set, or --environment. Received: neither.")
    if args.repair:
        check_target(args.repair)  # now, not after an hour
    diagnosis = examine(args.records, sample=args.sample, training=args.train_split, processes=args.processes)
    as_it_is = (
        json.dumps(as_json(diagnosis), indent=1, ensure_ascii=False) if args.json else as_text(diagnosis)
    )
    show(as_it_is)
    if args.html:
        write_page(diagnosis, Path(args.html))
        say(f"Report: {args.html}")
    if args.repair:
        repaired = repair(diagnosis.prepared, args.repair, processes=args.processes)
        say(
            f"Repaired copy in {repaired.directory}: {repaired.mended} records mended, "
            f"{repaired.left_out} left out. Examine it as well."
        )
    return 1 if diagnosis.findings else 0
