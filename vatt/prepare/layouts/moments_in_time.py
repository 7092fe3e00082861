"""Moments in Time: three-second clips of actions and events, one class each.

Official files (moments.csail.mit.edu), in the folder --annotations, as the archive unpacks:
  moments_categories.txt               class,index on each line, the index from 0
  trainingSet.csv, validationSet.csv   path,label,agreeing,disagreeing annotators, without a header line
Both versions are read: 339 classes of 2018 (the paper's) and 305 of 2019.

Media, below --media at any depth: training/CLASS/NAME.mp4 and validation/CLASS/NAME.mp4, as in the archive.
Splits: train, validation.
"""

import argparse
from pathlib import PurePosixPath

from vatt.prepare.layouts.annotations import Labels, find_file, find_files, read_rows
from vatt.prepare.layouts.media_index import VIDEO
from vatt.prepare.layouts.plan import Gathering, Plan
from vatt.prepare.next_steps import FINE_TUNE_ACTIONS
from vatt.prepare.record import Clip

SUMMARIES = {"moments_in_time": "Moments in Time: three seconds, 339 or 305 classes"}
EXPERIMENT = FINE_TUNE_ACTIONS
EXAMPLE = (
    "vatt prepare {layout} --annotations Moments_in_Time_256x256_30fps --media Moments_in_Time_256x256_30fps "
    "RECORDS"
)

_FILES = {"trainingSet.csv": ("train", "training"), "validationSet.csv": ("validation", "validation")}


def plan(args: argparse.Namespace) -> Plan:
    """The clips of both lists."""
    gathering = Gathering(args, VIDEO)
    categories = find_file(args.annotations, "moments_categories.txt")
    numbered = ((row.integer("index"), row["class"]) for row in read_rows(categories, ("class", "index")))
    labels = Labels.numbered(numbered, categories, subset=gathering.subset)
    files = find_files(args.annotations, *_FILES)
    for path in files:
        split, folder = _FILES[path.name]
        for row in read_rows(path, ("path", "label", "agree", "disagree")):
            name = PurePosixPath(row["path"])
            clip = Clip(
                media=gathering.media.find(name.stem, folder=f"{folder}/{name.parent}"),
                media_id=row["path"],
                split=split,
                labels=(labels.of(row["label"], row.where),),
            )
            gathering.add(clip, f"{folder}/{row['path']}")
    made_from = f"{', '.join(path.name for path in files)}, {len(labels.names)} classes"
    return gathering.plan("moments_in_time", made_from, labels.names)
