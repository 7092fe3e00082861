"""`vatt search INDEX "a cat purring" | --video F | --audio F`: finds windows by text, video or audio."""

import argparse
import csv
import dataclasses
import sys
from pathlib import Path

from vatt.arguments import COUNT, SECONDS, explain, probability
from vatt.embed.cli import say_failed
from vatt.prepare.progress import say
from vatt.search.answer import COPY, FOUND_BY, Found, Wanted, answer_copies
from vatt.search.excerpt_frames import frames_of_excerpt
from vatt.search.excerpts import export_clips
from vatt.search.gallery import in_numbers, times, write_gallery
from vatt.search.index import Index
from vatt.search.open_index import OpenIndex
from vatt.search.query import MAX_SECONDS, Query
from vatt.search.thumbnail import looking_pool, thumbnails
from vatt.terminal import one_line, show, table_cell

_COLUMNS = (
    *("rank", "score", "file", "start_seconds", "end_seconds"),
    *("probability", "found_by", "caption", "heard"),
)
_ABOUT = f"""\
Prints the windows that are nearest, best first: rank, cosine, file, start and end. --tsv prints the same as a
table with seconds; a text in it that a spreadsheet would take for a formula (it begins with = + - @, white
space or an apostrophe) has an apostrophe in front, and control characters are written as \\u001b.

Text is compared in the video-text space, video and audio in the video-audio space. --by selects whether the
video or the audio of the indexed windows is compared; text and audio are never trained against each other,
so they are compared via the video-audio space (zero-shot). A query file is represented by the mean of its
windows, of which {MAX_SECONDS:g} seconds at most are taken.

A result is a scene: neighbouring windows of one shot that are about as near. A text is also looked for in the
captions of the files, if there are any; both rankings are fused, and the table says what found each result.
--at_least leaves out what is less probable, unless its caption has all words of the text.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The index, the query, what to print."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _ABOUT
    parser.add_argument("index", metavar="INDEX", help="made by `vatt index`")
    parser.add_argument("text", nargs="?", metavar="TEXT", help="text query")
    parser.add_argument("--video", metavar="F", help="search with the video of a file")
    parser.add_argument("--audio", metavar="F", help="search with the audio of a file")
    parser.add_argument("--copy_of", metavar="F", help="find where the video of a file was taken from")
    parser.add_argument(
        "--start_seconds",
        type=SECONDS,
        default=0.0,
        metavar="S",
        help="start time in that file",
    )
    parser.add_argument(
        "--by",
        choices=FOUND_BY,
        help="what of the windows to compare (default: video, if any, and for a text the captions, if any)",
    )
    parser.add_argument(
        "--count",
        type=COUNT,
        default=10,
        metavar="N",
        help="scenes (default: %(default)s)",
    )
    parser.add_argument("--one_per_file", action="store_true", help="only the best scene of each file")
    parser.add_argument(
        "--at_least",
        type=probability,
        metavar="P",
        help="probability that a result must have, 0 to 1; needs `vatt index --calibrate_on`",
    )
    parser.add_argument("--windows", action="store_true", help="do not join neighbouring windows to scenes")
    parser.add_argument(
        "--approximate",
        action="store_true",
        help="search lists of near windows, not all; needs `vatt index --approximate`",
    )
    parser.add_argument("--model", metavar="RUN", help="default: the model of the index")
    parser.add_argument("--html", metavar="gallery.html", help="write a page with frames of the results")
    parser.add_argument("--export_clips", metavar="DIR", help="write each result as an MP4 to this folder")
    parser.add_argument("--overwrite", action="store_true", help="replace clips that are there already")
    parser.add_argument("--tsv", action="store_true", help="print a table of tab-separated values")
    explain(
        parser,
        'vatt search INDEX "a red disc bounces" --html gallery.html',
        "vatt search INDEX --audio query.wav --by video",
        'vatt search INDEX "a red disc bounces" --at_least 0.5',
        status="0 something was found, 1 nothing as probable as `--at_least`, or no copy",
    )


def needs_tensorflow(args: argparse.Namespace) -> bool:
    """Whether this call loads the model: not for copies, nor for a sentence that the index encodes itself."""
    if args.copy_of is not None:
        return False
    return args.text is None or args.model is not None or Index(args.index).text_model() is None


def main(args: argparse.Namespace) -> int:
    """Searches and prints; returns the exit status."""
    asked = [each for each in (args.text, args.video, args.audio, args.copy_of) if each is not None]
    if len(asked) != 1:
        raise ValueError(
            "A search is by a text, or by --video F, --audio F or --copy_of F. "
            f"Received: {len(asked)} of the four."
        )
    if args.start_seconds < 0:
        raise ValueError(f"`--start_seconds` must not be negative. Received: {args.start_seconds:g}.")
    if args.text is not None and args.start_seconds:
        raise ValueError(
            "`--start_seconds` is a place in the file that is asked with. Received: "
            f"{args.start_seconds:g} with a text. Leave it out, or ask with --video or --audio."
        )
    _refuse_unused(args)
    opened = OpenIndex(args.index, model=args.model)
    index = opened.index
    query, found = _asked(args, opened)
    for note in found.notes:
        say(f"note: {note}")
    _print(found, tsv=args.tsv)
    if args.html is not None:
        _write_page(Path(args.html), index, query, found)
        say(f"{args.html} shows them")
    if args.export_clips is not None:
        failed = export_clips(index, found.hits, Path(args.export_clips), overwrite=args.overwrite)
        say(f"{len(found.hits) - len(failed)} of {len(found.hits)} clips are in {args.export_clips}")
        say_failed(failed, "could not be cut")
    return 0 if found.hits else 1


def _refuse_unused(args: argparse.Namespace) -> None:
    """Refuses options that would change nothing."""
    if args.copy_of is not None:
        for name in ("by", "one_per_file", "at_least", "windows", "approximate", "model"):
            if vars(args)[name] is not None and vars(args)[name] is not False:
                raise ValueError(
                    "`--copy_of` compares frames and finds a place in each file. Received: it with "
                    f"`--{name}`, which changes nothing there. Leave it out."
                )
    if args.overwrite and args.export_clips is None:
        raise ValueError(
            "`--overwrite` is of the clips of `--export_clips`. Received: it alone. Leave it out."
        )


def _asked(args: argparse.Namespace, opened: OpenIndex) -> tuple[Query, Found]:
    if args.copy_of is not None:
        path = Path(args.copy_of)
        excerpt, notes = frames_of_excerpt(path, args.start_seconds)
        query = Query(modality=COPY, shown=path.name, vectors={}, notes=tuple(notes))
        found = answer_copies(opened.index, excerpt, args.count)
        return query, dataclasses.replace(found, notes=query.notes + found.notes)
    wanted = Wanted(
        target=args.by,
        count=args.count,
        one_per_file=args.one_per_file,
        at_least=args.at_least,
        is_joined=not args.windows,
        is_approximate=args.approximate,
    )
    files = {"video": args.video, "audio": args.audio, "start_seconds": args.start_seconds}
    query = opened.query(args.text, **files)
    return query, opened.answer(query, wanted)


def _print(found: Found, *, tsv: bool) -> None:
    if tsv:
        table = csv.writer(sys.stdout, delimiter="\t", lineterminator="\n")
        table.writerow(_COLUMNS)
        for rank, hit in enumerate(found.hits, start=1):
            seconds = f"{hit.start_seconds:.3f}", f"{hit.end_seconds:.3f}"
            score, probability = (
                "" if each is None else f"{each:.6f}" for each in (hit.score, hit.probability)
            )
            said = hit.caption, "heard" if hit.is_heard else ""
            cells = rank, score, hit.place.name, *seconds, probability, " ".join(hit.found_by), *said
            table.writerow(map(table_cell, cells))
        return
    for rank, hit in enumerate(found.hits, start=1):
        said = f"  “{one_line(hit.caption)}”{' (heard)' if hit.is_heard else ''}" if hit.caption else ""
        show(f"{rank:3}  {in_numbers(hit):>6}  {one_line(hit.place.name)}  {times(hit)}{said}")


def _write_page(path: Path, index: Index, query: Query, found: Found) -> None:
    windows = [(index.media(hit.place.number), hit.start_seconds, hit.end_seconds) for hit in found.hits]
    with looking_pool() as pool:
        write_gallery(path, index, query, found, list(thumbnails(windows, pool)))
