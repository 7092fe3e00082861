"""AudioSet: ten seconds each of two million YouTube videos, with 527 classes of audio events, several per
clip.

Official files (research.google.com/audioset/download.html), all in the folder --annotations:
  class_labels_indices.csv          index,mid,display_name
  balanced_train_segments.csv, unbalanced_train_segments.csv, eval_segments.csv
      three lines of comment, the third of them "# YTID, start_seconds, end_seconds, positive_labels",
      then lines like  --PJHxphWEs, 30.000, 40.000, "/m/09x0r,/t/dd00088"
  A list of segments that is not there is left out.

Media, below --media at any depth, video or audio. By name:
  ID_30_40, ID_30.000_40.000, ID_30000_40000, ID_000030_000040    the segment, cut already
  YID, YID_30.000_40.000                                          the same, as PANNs and DCASE name them
  ID                         by --named_by_id: "whole" videos (default), from which the segment is cut,
                             or "cut" files, which hold the segment only
Splits: train (both lists), test (eval_segments.csv). Labels are the display names, numbered as published.
"""

import argparse
import itertools

from vatt.prepare.layouts.annotations import (
    Labels,
    Row,
    find_file,
    find_files,
    not_as_published,
    read_lines,
    read_rows,
    read_table,
)
from vatt.prepare.layouts.media_index import AUDIO, VIDEO
from vatt.prepare.layouts.plan import Gathering, Plan
from vatt.prepare.layouts.subset import OUTSIDE
from vatt.prepare.next_steps import FINE_TUNE_AUDIO
from vatt.prepare.record import Clip

SUMMARIES = {"audioset": "AudioSet: ten seconds of audio and video, 527 classes"}
EXPERIMENT = FINE_TUNE_AUDIO
EXAMPLE = "vatt prepare {layout} --annotations audioset/csv --media audioset/videos RECORDS"

_FILES = {
    "balanced_train_segments.csv": "train",
    "unbalanced_train_segments.csv": "train",
    "eval_segments.csv": "test",
}
_COLUMNS = ("YTID", "start_seconds", "end_seconds", "positive_labels")
_HEADER = "# " + ", ".join(_COLUMNS)
_HEADER_LINES = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds what a file's name does not contain."""
    # "whole" by default, as its error is seen: a cut file ends before the segment starts, and fails. A whole
    # video taken for a cut file would be labelled from end to end without a word.
    parser.add_argument(
        "--named_by_id",
        choices=("whole", "cut"),
        default="whole",
        help="what a file called ID.mp4 holds: the whole video or the cut segment (default: %(default)s)",
    )


def plan(args: argparse.Namespace) -> Plan:
    """The segments of all three lists."""
    gathering = Gathering(args, VIDEO + AUDIO)
    classes = find_file(args.annotations, "class_labels_indices.csv")
    rows = list(read_table(classes, ("index", "mid", "display_name")))
    labels, ids = (
        Labels.numbered(
            ((row.integer("index"), row[column]) for row in rows), classes, subset=gathering.subset
        )
        for column in ("display_name", "mid")
    )
    files = find_files(args.annotations, *_FILES)
    for path in files:
        _check_header(path)
        for row in read_rows(path, _COLUMNS, skip_lines=_HEADER_LINES):
            indices = [ids.of(mid.strip(), row.where)[0] for mid in row["positive_labels"].split(",")]
            chosen = tuple((index, "" if index == OUTSIDE else labels.names[index]) for index in indices)
            _add(gathering, row, _FILES[path.name], chosen, args.named_by_id)
    made_from = f"{', '.join(path.name for path in files)}, ID named {args.named_by_id}"
    return gathering.plan("audioset", made_from, labels.names)


def _check_header(path) -> None:
    lines = [line for _, line in itertools.islice(read_lines(path), _HEADER_LINES)]
    if not all(line.startswith("#") for line in lines) or lines[-1:] != [_HEADER]:
        rule = f"the file must start with three lines of comment, the third of them {_HEADER!r}"
        raise not_as_published(path, rule, lines)


def _add(gathering: Gathering, row: Row, split: str, labels, named_by_id: str) -> None:
    name = row["YTID"]
    start, end = row.number("start_seconds"), row.number("end_seconds")
    names = _cut_names(name, start, end)
    cut = next((path for stem in names if (path := gathering.media.find(stem))), "")
    by_id = "" if cut else gathering.media.find(name)
    is_whole = bool(by_id) and named_by_id == "whole"
    clip = Clip(
        media=cut or by_id,
        media_id=name,
        split=split,
        labels=labels,
        start_seconds=start if is_whole else 0.0,
        end_seconds=end if is_whole else None,
    )
    gathering.add(clip, f"{name} or {names[0]}")


def _cut_names(name: str, start: float, end: float) -> list[str]:
    spans = (
        f"{start:g}_{end:g}",
        f"{start:.3f}_{end:.3f}",
        f"{round(start * 1000)}_{round(end * 1000)}",
        f"{int(start):06d}_{int(end):06d}",
    )
    return [f"{prefix}{name}_{span}" for prefix in ("", "Y") for span in spans] + [f"Y{name}"]
