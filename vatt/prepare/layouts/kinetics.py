"""Kinetics-400, -600 and -700: trimmed YouTube clips of about ten seconds, one action each.

Official files (DeepMind's, also at github.com/cvdfoundation/kinetics-dataset), in the folder
--annotations:
  train.csv, validate.csv (or val.csv), test.csv
      label,youtube_id,time_start,time_end,split   Kinetics-400 may also have is_cc, and a list
      of test clips may have no label
  Prefixes like kinetics400_ and k700_ are understood. A file that is not there is left out, but
  not both train.csv and validate.csv. Labels are numbered from 0 in alphabetical order (of
  code points) of all classes that the files name, which must be 400, 600 or 700.

Media, below --media at any depth: ID_000010_000020.mp4 (start and end in seconds, six digits),
flat or in class folders, as the usual tools make them; or whole videos ID.mp4, from which the
clip is cut. Any usual container will do. Splits: train, validation, test.
"""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from vatt.prepare.layouts.annotations import (
    Labels,
    Row,
    find_file,
    not_as_published,
    optional_file,
    read_table,
)
from vatt.prepare.layouts.media_index import VIDEO
from vatt.prepare.layouts.plan import Gathering, Plan
from vatt.prepare.next_steps import FINE_TUNE_ACTIONS
from vatt.prepare.record import Clip

SUMMARIES = {
    "kinetics400": "Kinetics-400: actions",
    "kinetics600": "Kinetics-600: actions",
    "kinetics700": "Kinetics-700: actions",
}
EXPERIMENT = FINE_TUNE_ACTIONS
EXAMPLE = "vatt prepare {layout} --annotations annotations --media videos RECORDS"

_FILES = {"train": ("train",), "validation": ("validate", "val", "validation"), "test": ("test",)}
_COLUMNS = ("youtube_id", "time_start", "time_end", "split")


def plan(args: argparse.Namespace) -> Plan:
    """The clips of `args.layout`, "kinetics400", "kinetics600" or "kinetics700"."""
    gathering = Gathering(args, VIDEO)
    classes = int(re.sub(r"\D", "", args.layout))
    files = {
        split: path
        for split, stems in _FILES.items()
        if (path := optional_file(args.annotations, *_names(stems, classes)))
    }
    if not {"train", "validation"} & set(files):
        find_file(args.annotations, "train.csv", "validate.csv")  # raises: says what is missing
    # Read twice, rather than held: the classes are known only at the end.
    named = {row["label"] for path in files.values() for row in _rows(path) if row.get("label")}
    source = " and ".join(map(str, files.values()))
    labels = Labels(sorted(named), source, count=classes, subset=gathering.subset)
    for split, path in files.items():
        for row in _rows(path):
            _add(gathering, row, split, labels)
    made_from = ", ".join(path.name for path in files.values())
    return gathering.plan(args.layout, made_from, labels.names)


def _names(stems, classes: int) -> list[str]:
    prefixes = ("", f"k{classes}_", f"kinetics{classes}_", f"kinetics_{classes}_", f"kinetics-{classes}_")
    return [f"{prefix}{stem}.csv" for prefix in prefixes for stem in stems]


def _rows(path: Path) -> Iterator[Row]:
    return read_table(path, _COLUMNS, optional=("label", "is_cc"))


def _add(gathering: Gathering, row: Row, split: str, labels: Labels) -> None:
    start, end = row.number("time_start"), row.number("time_end")
    if not 0 <= start < end:
        received = f"time_start={start:g}, time_end={end:g}"
        raise not_as_published(row.where, "a clip must start before it ends", received)
    label = row.get("label")
    trimmed = f"{row['youtube_id']}_{int(start):06d}_{int(end):06d}"
    path = gathering.media.find(trimmed, folder=label)
    whole = "" if path else gathering.media.find(row["youtube_id"])
    clip = Clip(
        media=path or whole,
        media_id=trimmed,
        split=split,
        labels=(labels.of(label, row.where),) if label else (),
        start_seconds=start if whole else 0.0,
        end_seconds=end if whole else None,
    )
    gathering.add(clip, f"{trimmed}.mp4")
