"""HowTo100M: instructional videos with their narration, 1.2 million of them, minutes long each.

Official files (www.di.ens.fr/willow/research/howto100m), in the folder --annotations:
  HowTo100M_v1.csv    video_id,category_1,category_2,rank,task_id: which videos belong to the set
  caption.json        {video_id: {"start": [seconds …], "end": [seconds …], "text": [words …]}}
or, by --captions, raw_caption.json, which has the same form and the narration with its stop
words, or a folder with one VIDEO_ID.csv per video (columns start, end, text).

Media, below --media at any depth: VIDEO_ID.mp4 (or .webm, .mkv …), whole. They are cut into
records of about --segment_seconds; each gets the captions over it and the nearest ones around it.
A video without captions is kept without text. One split: train. Only the captions of videos that
are available are held in memory.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from vatt.arguments import SECONDS
from vatt.prepare.captions import Caption
from vatt.prepare.layouts.annotations import find_file, not_as_published, read_key, read_table
from vatt.prepare.layouts.json_stream import read_members
from vatt.prepare.layouts.media_index import VIDEO
from vatt.prepare.layouts.plan import Gathering, Plan
from vatt.prepare.record import Clip

SUMMARIES = {"howto100m": "HowTo100M: instructional videos with narration"}
EXAMPLE = "vatt prepare {layout} --annotations howto100m --captions raw_caption.json --media videos RECORDS"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the choice of captions and the length of records."""
    parser.add_argument(
        "--captions",
        default="caption.json",
        metavar="PATH",
        help="JSON file or folder of CSV files, within --annotations or anywhere (default: %(default)s)",
    )
    parser.add_argument(
        "--segment_seconds",
        type=SECONDS,
        default=10.0,
        help="videos are cut into records of about this length (default: %(default)s)",
    )


def plan(args: argparse.Namespace) -> Plan:
    """Every video of HowTo100M_v1.csv."""
    gathering = Gathering(args, VIDEO)
    if not args.segment_seconds > 0:
        raise ValueError(f"`--segment_seconds` must be positive. Received: {args.segment_seconds:g}.")
    columns = ("video_id", "category_1", "category_2", "rank", "task_id")
    table = find_file(args.annotations, "HowTo100M_v1.csv")
    # A video that was found for several tasks has several lines.
    videos = dict.fromkeys(row["video_id"] for row in read_table(table, columns))
    paths = {video: gathering.media.find(video) for video in videos}
    captions = _captions(args, {video for video, path in paths.items() if path})
    for video, path in paths.items():
        clip = Clip(
            media=path,
            media_id=video,
            split="train",
            captions=captions.get(video, ()),
            segment_seconds=args.segment_seconds,
        )
        gathering.add(clip, f"{video}.mp4")
    source = f"{table.name}, {Path(args.captions).name}"
    return gathering.plan("howto100m", f"{source}, segments of {args.segment_seconds:g} s")


def _captions(args, videos: set[str]) -> dict[str, tuple[Caption, ...]]:
    """The captions of `videos`, by video."""
    folder = Path(args.annotations) / args.captions  # an absolute path stays what it is
    if not folder.is_dir():
        path = folder if folder.is_file() else Path(args.captions)
        if not path.is_file():
            path = find_file(args.annotations, args.captions)
        entries = ((video, entry) for video, entry in read_members(path) if video in videos)
        return {video: _from_json(entry, f"{path}, {video!r}") for video, entry in entries}
    files = {video: folder / f"{video}.csv" for video in sorted(videos)}
    return {video: tuple(sorted(_from_csv(path))) for video, path in files.items() if path.is_file()}


def _from_json(entry, where: str) -> tuple[Caption, ...]:
    starts, ends, texts = (read_key(entry, key, where) for key in ("start", "end", "text"))
    if not len(starts) == len(ends) == len(texts):
        received = f"{len(starts)}, {len(ends)}, {len(texts)}"
        raise not_as_published(where, "`start`, `end` and `text` must be equally long", received)
    captions = zip(starts, ends, texts)
    # Some texts are empty, or NaN where a tool took a word like "null" for a missing value.
    spoken = ((start, end, text) for start, end, text in captions if isinstance(text, str) and text.strip())
    return tuple(sorted((float(start), float(end), text) for start, end, text in spoken))


def _from_csv(path: Path) -> Iterator[Caption]:
    for row in read_table(path, ("start", "end", "text"), optional=("",)):
        if row["text"]:
            yield row.number("start"), row.number("end"), row["text"]
