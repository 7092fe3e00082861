"""`vatt duplicates DIR`: lists videos of a folder that are copies of one another, or of parts."""

import argparse
import csv
import sys
from pathlib import Path

import numpy as np

from vatt.arguments import add_processes, explain
from vatt.embed.cli import say_failed
from vatt.prepare.pool import Failure
from vatt.prepare.progress import Progress, say
from vatt.prepare.walk import find_media
from vatt.search.copies import RATE_HZ, Frames, find_copies
from vatt.search.excerpt_frames import frames_of_files
from vatt.terminal import table_cell

_ABOUT = """\
Compares the frames of every video below DIR with those of all others, whatever their sizes, rates, codecs and
audio. Prints a table: two files, where the second begins in the first in seconds, and how alike their frames
are (at most 1). Each file is looked for by the ten seconds in its middle; frames of one colour and still
frames find nothing.
"""
_SECONDS = 10.0  # of a file that the others are asked for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The folder."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _ABOUT
    parser.add_argument("media", metavar="DIR", help="folder of videos")
    add_processes(parser)
    explain(parser, "vatt duplicates VIDEOS", status="0 there are none, 1 there are some")


def main(args: argparse.Namespace) -> int:
    """Lists duplicates; returns the exit status."""
    folder = Path(args.media)
    if not folder.is_dir():
        raise ValueError(f"There must be a folder to look through. Received: {folder}, which is none.")
    every, failures = {}, {}
    paths = find_media(folder)
    with Progress("Reading", len(paths)) as progress:
        for path, outcome in frames_of_files(paths, processes=args.processes):
            progress.advance()
            name = path.relative_to(folder).as_posix()
            if isinstance(outcome, Failure):
                failures[name] = outcome.reason.removeprefix(f"{path}: ")
            else:
                every[name] = outcome
    names = list(every)
    found = duplicates([every[name] for name in names])
    table = csv.writer(sys.stdout, delimiter="\t", lineterminator="\n")
    table.writerow(("file", "copy", "offset_seconds", "likeness"))
    for number, copy, offset, score in found:
        cells = names[number], names[copy], f"{offset:z.1f}", f"{score:.3f}"
        table.writerow(map(table_cell, cells))
    say(f"{len(found)} {'pair' if len(found) == 1 else 'pairs'} among {len(names)} videos")
    say_failed(failures, "were not compared")
    return 1 if found else 0


def duplicates(files: list[Frames]) -> list[tuple[int, int, float, float]]:
    """(file, its copy, where the copy begins in the file, likeness) of each pair, by their numbers."""
    step = 4  # frames of the reference are fewer than those that are asked with
    if not files:
        return []
    reference = Frames(
        frames=np.concatenate([file.frames[::step] for file in files]),
        seconds=np.concatenate([file.seconds[::step] for file in files]),
        numbers=np.repeat(np.arange(len(files)), [len(file.frames[::step]) for file in files]),
    )
    pairs: dict[tuple[int, int], tuple[float, float]] = {}
    for number, file in enumerate(files):
        count = round(_SECONDS * RATE_HZ)
        first = max(0, (len(file.frames) - count) // 2)
        part = slice(first, first + count)
        asked = Frames(frames=file.frames[part], seconds=file.seconds[part], numbers=file.numbers[part])
        for copy in find_copies(asked, reference, skip=number):
            begins = copy.start_seconds - asked.seconds[0]  # of this file, in the other
            pair, offset = ((copy.number, number), begins)
            if number < copy.number:
                pair, offset = (number, copy.number), -begins
            if pair not in pairs or copy.score > pairs[pair][1]:
                pairs[pair] = (offset, copy.score)
    return [(*pair, *found) for pair, found in sorted(pairs.items())]
