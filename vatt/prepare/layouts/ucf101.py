"""UCF101: 13,320 short videos of 101 actions.

Official files (www.crcv.ucf.edu/data/UCF101.php, "Train/Test Splits for Action Recognition"), in
the folder --annotations, usually ucfTrainTestlist:
  classInd.txt                        "1 ApplyEyeMakeup": index from 1 and class
  trainlist01.txt to trainlist03.txt  "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1": path, index
  testlist01.txt to testlist03.txt    the path alone
Labels are numbered from 0 in the order of classInd.txt.

Media, below --media at any depth: UCF-101/CLASS/v_CLASS_gNN_cNN.avi. Splits: train, test, of the
official split that --official_split names.
"""

import argparse
from collections.abc import Iterator
from pathlib import PurePosixPath

from vatt.prepare.layouts.annotations import Labels, find_file, not_as_published, read_lines
from vatt.prepare.layouts.media_index import VIDEO
from vatt.prepare.layouts.plan import Gathering, Plan
from vatt.prepare.layouts.subset import OUTSIDE
from vatt.prepare.next_steps import PROBE_VIDEO
from vatt.prepare.record import Clip

SUMMARIES = {"ucf101": "UCF101: actions, three official splits"}
EXPERIMENT = PROBE_VIDEO
EXAMPLE = "vatt prepare {layout} --annotations ucfTrainTestlist --media UCF-101 RECORDS"

_CLASSES = 101


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the choice of the split."""
    parser.add_argument(
        "--official_split", type=int, choices=(1, 2, 3), default=1, help="which of the three (default: 1)"
    )


def plan(args: argparse.Namespace) -> Plan:
    """The clips of one official split."""
    gathering = Gathering(args, VIDEO)
    index_file = find_file(args.annotations, "classInd.txt")
    labels = Labels.numbered(_classes(index_file), index_file, count=_CLASSES, subset=gathering.subset)
    for split in ("train", "test"):
        path = find_file(args.annotations, f"{split}list{args.official_split:02d}.txt")
        for where, line in read_lines(path):
            video = PurePosixPath(line.split()[0])
            label = labels.of(video.parent.name, where)
            _check_index(line.split()[1:], label[0], where)
            clip = Clip(
                media=gathering.media.find(video.stem, folder=label[1]),
                media_id=video.stem,
                split=split,
                labels=(label,),
            )
            gathering.add(clip, str(video))
    return gathering.plan("ucf101", f"official split {args.official_split}", labels.names)


def _classes(path) -> Iterator[tuple[int, str]]:
    for where, line in read_lines(path):
        index, _, name = line.partition(" ")
        if not index.isdigit() or not name:
            raise not_as_published(
                where, "a line must be an index and a class, '1 ApplyEyeMakeup'", repr(line)
            )
        yield int(index) - 1, name.strip()


def _check_index(given: list[str], index: int, where: str) -> None:
    if given and index != OUTSIDE and given != [str(index + 1)]:
        rule = f"the index behind a video must be its folder's, {index + 1}"
        raise not_as_published(where, rule, f"{' '.join(given)}, perhaps of another release")
