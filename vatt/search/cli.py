"""`vatt search INDEX "a cat purring" | --video F | --audio F`: finds windows by text, video or audio."""

import argparse
import csv
import sys
from pathlib import Path

import vatt
from vatt.arguments import COUNT, SECONDS, explain
from vatt.embed.files import open_embedder
from vatt.prepare.progress import say
from vatt.search.answer import TARGETS, Found, Wanted, answer
from vatt.search.gallery import times, write_gallery
from vatt.search.index import Index
from vatt.search.query import MAX_SECONDS, Query, file_query, text_query
from vatt.search.thumbnail import Thumbnail, looking_pool, thumbnails
from vatt.terminal import one_line, show, table_cell

_ABOUT = f"""\
Prints the windows that are nearest, best first: rank, cosine, file, start and end. --tsv prints the same as a
table with seconds; a text in it that a spreadsheet would take for a formula (it begins with = + - @, white
space or an apostrophe) has an apostrophe in front, and control characters are written as \\u001b.

Text is compared in the video-text space, video and audio in the video-audio space. --by selects whether the
video or the audio of the indexed windows is compared; text and audio are never trained against each other,
so they are compared via the video-audio space (zero-shot). A query file is represented by the mean of its
windows, of which {MAX_SECONDS:g} seconds at most are taken.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The index, the query, what to print."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _ABOUT
    parser.add_argument("index", metavar="INDEX", help="made by `vatt index`")
    parser.add_argument("text", nargs="?", metavar="TEXT", help="text query")
    parser.add_argument("--video", metavar="F", help="search with the video of a file")
    parser.add_argument("--audio", metavar="F", help="search with the audio of a file")
    parser.add_argument(
        "--start_seconds",
        type=SECONDS,
        default=0.0,
        metavar="S",
        help="start time in that file",
    )
    parser.add_argument(
        "--by", choices=TARGETS, help="modality of the windows to compare (default: video, if any)"
    )
    parser.add_argument(
        "--count",
        type=COUNT,
        default=10,
        metavar="N",
        help="windows (default: %(default)s)",
    )
    parser.add_argument("--one_per_file", action="store_true", help="only the best window of each file")
    parser.add_argument("--model", metavar="RUN", help="default: the model of the index")
    parser.add_argument("--html", metavar="gallery.html", help="write a page with frames of the results")
    parser.add_argument("--tsv", action="store_true", help="print a table of tab-separated values")
    explain(
        parser,
        'vatt search INDEX "a red disc bounces" --html gallery.html',
        "vatt search INDEX --audio query.wav --by video",
        status="0 something was found",
    )


def main(args: argparse.Namespace) -> int:
    """Searches and prints; returns the exit status."""
    asked = [each for each in (args.text, args.video, args.audio) if each is not None]
    if len(asked) != 1:
        raise ValueError(
            f"A search is by a text, or by --video F, or by --audio F. Received: {len(asked)} of the three."
        )
    if args.start_seconds < 0:
        raise ValueError(f"`--start_seconds` must not be negative. Received: {args.start_seconds:g}.")
    if args.text is not None and args.start_seconds:
        raise ValueError(
            "`--start_seconds` is a place in the file that is asked with. Received: "
            f"{args.start_seconds:g} with a text. Leave it out, or ask with --video or --audio."
        )
    index = Index(args.index)  # a wrong index is reported at once, loading the model takes seconds
    embedder = open_embedder(vatt.load, args.model or index.facts["model"]["path"])
    index.check(embedder)
    if args.text is not None:
        query = text_query(embedder, args.text)
    else:
        path, modality = (args.audio, "audio") if args.video is None else (args.video, "video")
        query = file_query(embedder, path, modality, start_seconds=args.start_seconds)
    wanted = Wanted(target=args.by, count=args.count, one_per_file=args.one_per_file)
    found = answer(index, query, wanted)
    for note in found.notes:
        say(f"note: {note}")
    _print(found, tsv=args.tsv)
    if args.html is not None:
        _write_page(Path(args.html), index, query, found)
        say(f"{args.html} shows them")
    return 0


def _print(found: Found, *, tsv: bool) -> None:
    if tsv:
        table = csv.writer(sys.stdout, delimiter="\t", lineterminator="\n")
        table.writerow(("rank", "score", "file", "start_seconds", "end_seconds"))
        for rank, hit in enumerate(found.hits, start=1):
            place = hit.place
            seconds = f"{place.start_seconds:.3f}", f"{place.end_seconds:.3f}"
            table.writerow(map(table_cell, (rank, f"{hit.score:.6f}", place.name, *seconds)))
        return
    for rank, hit in enumerate(found.hits, start=1):
        show(f"{rank:3}  {hit.score:6.3f}  {one_line(hit.place.name)}  {times(hit)}")


def _write_page(path: Path, index: Index, query: Query, found: Found) -> None:
    if index.unshown:
        say(f"note: {index.unshown}")
        write_gallery(path, index, query, found, [Thumbnail(reason="in an object store")] * len(found.hits))
        return
    windows = [
        (index.root / hit.place.name, hit.place.start_seconds, hit.place.end_seconds) for hit in found.hits
    ]
    with looking_pool() as pool:
        write_gallery(path, index, query, found, list(thumbnails(windows, pool)))
