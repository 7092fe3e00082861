"""YouCook2: 2,000 cooking videos; each step of a recipe has a start, an end and a sentence.

Official file (youcook2.eecs.umich.edu/download), in the folder --annotations:
  youcookii_annotations_trainval.json
      {"database": {VIDEO_ID: {"subset": "training" or "validation",
                               "annotations": [{"segment": [start, end], "id": 0, "sentence": "…"}, …], …}}}

Media, below --media at any depth: VIDEO_ID.mp4 (or .mkv, .webm …), whole, as in
raw_videos/training/101/VIDEO_ID.mp4. Each step becomes one record with its sentence. Splits: train,
validation. The sentences of the official test videos are not published: what papers on retrieval
call the test set of YouCook2 is `validation`.
"""

import argparse
import dataclasses

from vatt.prepare.layouts.annotations import find_file, not_as_published, read_key, read_object
from vatt.prepare.layouts.media_index import VIDEO
from vatt.prepare.layouts.plan import Gathering, Plan
from vatt.prepare.next_steps import RETRIEVE
from vatt.prepare.record import Clip

SUMMARIES = {"youcook2": "YouCook2: steps of recipes with a sentence each"}
EXPERIMENT = dataclasses.replace(RETRIEVE, eval_split="validation")
EXAMPLE = "vatt prepare {layout} --annotations YouCookII/annotations --media raw_videos RECORDS"

_FILE = "youcookii_annotations_trainval.json"
_SPLITS = {"training": "train", "validation": "validation"}


def plan(args: argparse.Namespace) -> Plan:
    """A clip per annotated step."""
    gathering = Gathering(args, VIDEO)
    path = find_file(args.annotations, _FILE)
    for video, entry in read_object(path, "database")["database"].items():
        where = f"{path}, {video!r}"
        subset = read_key(entry, "subset", where)
        if subset not in _SPLITS:
            raise not_as_published(where, f"`subset` must be {' or '.join(_SPLITS)}", repr(subset))
        for step in read_key(entry, "annotations", where):
            _add(gathering, video, _SPLITS[subset], step, where)
    return gathering.plan("youcook2", path.name)


def _add(gathering: Gathering, video: str, split: str, step, where: str) -> None:
    segment, sentence = read_key(step, "segment", where), read_key(step, "sentence", where)
    try:
        start, end = map(float, segment)
    except (TypeError, ValueError):
        start, end = 0.0, -1.0
    if not 0 <= start <= end:  # one of no length is listed as a clip that can not be read
        rule = "a segment must be [start, end] in seconds, the start before the end"
        raise not_as_published(where, rule, segment)
    clip = Clip(
        media=gathering.media.find(video),
        media_id=video,
        split=split,
        captions=((start, end, sentence.strip()),),
        start_seconds=start,
        end_seconds=end,
    )
    gathering.add(clip, f"{video}.mp4")
