"""MSR-VTT: 10,000 trimmed clips with twenty sentences each.

Official files, in the folder --annotations:
  train_val_videodatainfo.json, test_videodatainfo.json
      {"videos": [{"video_id": "video0", "split": "train", …}, …],
       "sentences": [{"caption": "…", "video_id": "video0", "sen_id": 0}, …], …}
  or both in one, MSRVTT_data.json
and, for --split 1k-A, the split of Yu et al. (JSFusion) that papers on retrieval use, in the form
in which it comes with CLIP4Clip and other code (msrvtt_data.zip, which has MSRVTT_data.json too):
  MSRVTT_JSFUSION_test.csv     key,vid_key,video_id,sentence: 1,000 clips, one sentence each
  MSRVTT_train.9k.csv          video_id: the clips to train on. Without it there is no split train,
                               and the JSON files are not needed

Media, below --media at any depth: video0.mp4 to video9999.mp4, trimmed, as in TrainValVideo and
TestVideo. Splits: train, validation, test of "full"; train, test of "1k-A". A clip is one record
with all its sentences, each over the whole clip, and a group of its own in retrieval.
"""

import argparse
import collections
from collections.abc import Iterator

from vatt.prepare.captions import WHOLE_FILE
from vatt.prepare.layouts.annotations import (
    AnnotationError,
    find_file,
    find_files,
    not_as_published,
    optional_file,
    read_key,
    read_object,
    read_table,
)
from vatt.prepare.layouts.media_index import VIDEO
from vatt.prepare.layouts.plan import Gathering, Plan
from vatt.prepare.next_steps import RETRIEVE
from vatt.prepare.record import Clip

SUMMARIES = {"msrvtt": "MSR-VTT: clips with twenty sentences each; with the 1k-A split"}
EXPERIMENT = RETRIEVE
EXAMPLE = "vatt prepare {layout} --split 1k-A --annotations msrvtt_data --media MSRVTT_Videos RECORDS"

_BOTH = "MSRVTT_data.json"
_PARTS = ("train_val_videodatainfo.json", "test_videodatainfo.json")
_SPLITS = {"train": "train", "validate": "validation", "test": "test"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the choice of the split."""
    parser.add_argument(
        "--split",
        choices=("full", "1k-A"),
        default="full",
        help="the official split, or the 1,000 test clips of JSFusion (default: %(default)s)",
    )


def plan(args: argparse.Namespace) -> Plan:
    """The clips of one of the two splits."""
    gathering = Gathering(args, VIDEO)
    chosen = _full(args.annotations) if args.split == "full" else _jsfusion(args.annotations)
    for video, split, sentences in chosen:
        clip = Clip(
            media=gathering.media.find(video),
            media_id=video,
            split=split,
            group=video,
            captions=tuple((*WHOLE_FILE, text) for text in sentences),
        )
        gathering.add(clip, f"{video}.mp4")
    return gathering.plan("msrvtt", f"{args.split} split")


def _full(directory) -> Iterator[tuple[str, str, list[str]]]:
    """(video, split, sentences) of the official split."""
    splits, sentences = _read(directory)
    for video, split in splits.items():
        yield video, split, sentences[video]


def _jsfusion(directory) -> Iterator[tuple[str, str, list[str]]]:
    """(video, split, sentences) of the 1k-A split."""
    test = find_file(directory, "MSRVTT_JSFUSION_test.csv")
    train = optional_file(directory, "MSRVTT_train.9k.csv")
    if train:
        _, sentences = _read(directory)
        for row in read_table(train, ("video_id",)):
            if row["video_id"] not in sentences:
                raise AnnotationError(
                    f"{row.where}: a video must be one of the {len(sentences)} that the JSON files describe. "
                    f"Received: {row['video_id']!r}. The 1k-A split trains on official test videos too: "
                    f"give both, {' and '.join(_PARTS)}, or {_BOTH}."
                )
            yield row["video_id"], "train", sentences[row["video_id"]]
    for row in read_table(test, ("key", "vid_key", "video_id", "sentence")):
        yield row["video_id"], "test", [row["sentence"]]


def _read(directory) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The split and the sentences, in their order, of every video of the JSON files."""
    both = optional_file(directory, _BOTH)
    splits, numbered = {}, collections.defaultdict(list)
    for path in [both] if both else find_files(directory, *_PARTS, _BOTH):
        content = read_object(path, "videos", "sentences")
        for entry in content["videos"]:
            video = read_key(entry, "video_id", f"{path}, a video")
            split = read_key(entry, "split", f"{path}, {video!r}")
            if split not in _SPLITS:
                rule = f"`split` must be {', '.join(_SPLITS)}"
                raise not_as_published(f"{path}, {video!r}", rule, repr(split))
            splits[video] = _SPLITS[split]
        for entry in content["sentences"]:
            where = f"{path}, a sentence"
            video = read_key(entry, "video_id", where)
            numbered[video].append((read_key(entry, "sen_id", where), read_key(entry, "caption", where)))
    return splits, {video: [text for _, text in sorted(numbered[video])] for video in splits}
