"""ESC-50: 2,000 recordings of five seconds, 50 classes of environmental audio events, in five folds.

Official files (github.com/karolpiczak/ESC-50), as the archive unpacks:
  meta/esc50.csv      filename,fold,target,category,esc10,src_file,take
--annotations is the folder meta, --media the folder audio, or both the archive's folder. Labels
are the categories, numbered by `target`.

Splits: test is the fold that --official_split names, train the other four. The usual figure is
the mean over all five folds. ESC-10 is --subset esc10, in the same folds.
"""

import argparse
from pathlib import Path

from vatt.prepare.layouts.annotations import Labels, find_file, read_table
from vatt.prepare.layouts.media_index import AUDIO
from vatt.prepare.layouts.plan import Gathering, Plan
from vatt.prepare.next_steps import PROBE_AUDIO
from vatt.prepare.record import Clip

SUMMARIES = {"esc50": "ESC-50: environmental audio events, five folds"}
EXPERIMENT = PROBE_AUDIO
EXAMPLE = "vatt prepare {layout} --annotations ESC-50-master/meta --media ESC-50-master/audio RECORDS"

_COLUMNS = ("filename", "fold", "target", "category", "esc10", "src_file", "take")
_CLASSES = 50
_ESC10 = "esc10"
SUBSETS = {_ESC10: "ESC-10, the ten classes of the rows with esc10 = True"}
_FOLDS = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the choice of the fold to test on."""
    parser.add_argument(
        "--official_split",
        type=int,
        choices=range(1, _FOLDS + 1),
        default=1,
        help="the fold to test on (default: 1)",
    )


def plan(args: argparse.Namespace) -> Plan:
    """All recordings; one fold is the test split."""
    gathering = Gathering(args, AUDIO)
    table = find_file(args.annotations, "esc50.csv", "meta/esc50.csv")
    rows = list(read_table(table, _COLUMNS))
    categories = {(row.integer("target"), row["category"]) for row in rows}
    labels = Labels.numbered(categories, table, count=_CLASSES, subset=gathering.subset)
    for row in rows:
        if gathering.subset.choice == _ESC10 and row["esc10"] != "True":
            continue
        stem = Path(row["filename"]).stem
        clip = Clip(
            media=gathering.media.find(stem),
            media_id=stem,
            split="test" if row.integer("fold") == args.official_split else "train",
            labels=(labels.of(row["category"], row.where),),
        )
        gathering.add(clip, row["filename"])
    return gathering.plan("esc50", f"tested on fold {args.official_split}", labels.names)
