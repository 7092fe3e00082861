"""HMDB51: 6,766 clips from videos, 51 actions.

Official files (test_train_splits.rar of the Serre lab's page on HMDB), in the folder
--annotations, usually testTrainMulti_7030_splits:
  CLASS_test_split1.txt to CLASS_test_split3.txt, a file per class and split
      "April_09_brush_hair_u_nm_np1_ba_goo_0.avi 1": name, and 1 for training, 2 for testing,
      0 for neither
Labels are numbered from 0 in alphabetical order of the 51 classes.

Media, below --media at any depth: CLASS/NAME.avi, as the archive of each class unpacks. Splits:
train, test, of the official split that --official_split names.
"""

import argparse
from pathlib import Path

from vatt.prepare.layouts.annotations import Labels, find_file, not_as_published, read_lines
from vatt.prepare.layouts.media_index import VIDEO
from vatt.prepare.layouts.plan import Gathering, Plan
from vatt.prepare.next_steps import Experiment
from vatt.prepare.record import Clip

SUMMARIES = {"hmdb51": "HMDB51: actions, three official splits"}
EXPERIMENT = Experiment(gin="probe_hmdb51")
EXAMPLE = "vatt prepare {layout} --annotations testTrainMulti_7030_splits --media hmdb51_org RECORDS"

_CLASSES = 51
_SPLITS = {"0": None, "1": "train", "2": "test"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the choice of the split."""
    parser.add_argument(
        "--official_split", type=int, choices=(1, 2, 3), default=1, help="which of the three (default: 1)"
    )


def plan(args: argparse.Namespace) -> Plan:
    """The clips of one official split."""
    gathering = Gathering(args, VIDEO)
    ending = f"_test_split{args.official_split}.txt"
    files = {path.name.removesuffix(ending): path for path in Path(args.annotations).glob(f"*{ending}")}
    if not files or not gathering.subset.is_chosen:
        find_file(args.annotations, f"brush_hair{ending}")  # says what is missing in an empty or wrong folder
    source = f"the files *{ending} in {args.annotations}"
    labels = Labels(sorted(files), source, count=_CLASSES, subset=gathering.subset)
    for name in labels.names:
        for where, line in read_lines(files[name]):
            video, _, tag = line.rpartition(" ")
            if not video or tag not in _SPLITS:
                raise not_as_published(where, "a line must be a file's name and 0, 1 or 2", repr(line))
            split = _SPLITS[tag]
            if split is None:
                continue
            stem = Path(video.strip()).stem
            clip = Clip(
                media=gathering.media.find(stem, folder=name),
                media_id=f"{name}/{stem}",
                split=split,
                labels=(labels.of(name, where),),
            )
            gathering.add(clip, f"{name}/{video.strip()}")
    return gathering.plan("hmdb51", f"official split {args.official_split}", labels.names)
