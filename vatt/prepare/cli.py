"""`vatt prepare demo` and `vatt prepare folder DIR OUT`: the command line of data preparation."""

import argparse
import shlex
import sys

from vatt.prepare import demo, folder
from vatt.prepare.media import MediaOptions
from vatt.prepare.prepare import PreparationError
from vatt.prepare.progress import say
from vatt.prepare.record import RecordOptions

_DEMO = """\
Renders the demo corpus, files with pictures, sound and captions that tell of the same scene, and prepares it.
A run of experiments/pretrain.gin does this by itself; this does it beforehand.
"""
_TRAINING = (
    "python -m vatt.main --gin_file=experiments/pretrain.gin --gin_file=experiments/overlay/folder.gin"
)
_FOLDER = f"""\
Decodes every film and sound file below DIR, with the captions beside it (film.mp4 and film.srt), into records
for training. Files may lack pictures, sound or captions; those that can not be read are listed in
OUT/failures.json. A run that was stopped goes on with the same command. To train on what it made:

  {_TRAINING} --gin.DATA_DIR='"OUT"'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the layouts as sub-commands."""
    layouts = parser.add_subparsers(dest="layout", required=True, metavar="LAYOUT")
    for name, add, summary, description in (
        ("demo", _add_demo, "render and prepare the demo corpus", _DEMO),
        ("folder", _add_folder, "prepare a folder of your own media files", _FOLDER),
    ):
        layout = layouts.add_parser(
            name,
            help=summary,
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        add(layout)


def main(args: argparse.Namespace) -> int:
    """Runs the chosen layout; returns the exit status."""
    try:
        directory = args.prepare(args)
    except (PreparationError, ValueError, OSError) as error:
        print(f"vatt prepare: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. What is finished stays; the same command goes on from there.", file=sys.stderr)
        return 130
    print(directory)
    return 0


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data_dir", help="where the corpus goes (default: the user's cache folder)")
    parser.add_argument("--clips", type=int, default=2000, help="training clips (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--correspondence",
        type=float,
        default=1.0,
        help="share of training clips whose sound and narration fit the pictures (default: %(default)s)",
    )
    parser.add_argument("--workers", type=int, help="processes (default: one per core)")
    parser.set_defaults(prepare=_prepare_demo)


def _prepare_demo(args: argparse.Namespace) -> str:
    return demo.demo_corpus(
        data_dir=args.data_dir,
        clips=args.clips,
        seed=args.seed,
        correspondence=args.correspondence,
        workers=args.workers,
    )


def _add_folder(parser: argparse.ArgumentParser) -> None:
    media = MediaOptions()
    parser.add_argument(
        "media_dir", metavar="DIR", help="folder with media files; captions (.srt .vtt .ass) beside them"
    )
    parser.add_argument("out_dir", metavar="OUT", help="folder for the prepared set")
    parser.add_argument(
        "--test_share", type=float, default=0.1, help="share of files for testing (default: %(default)s)"
    )
    parser.add_argument(
        "--max_frame_rate_hz",
        type=float,
        default=media.max_frame_rate_hz,
        help="frames kept a second (default: %(default)s)",
    )
    parser.add_argument(
        "--short_side_pixels",
        type=int,
        default=media.short_side_pixels,
        help="size of the pictures (default: %(default)s)",
    )
    parser.add_argument(
        "--audio_rate_hz",
        type=int,
        default=media.audio_rate_hz,
        help="samples a second (default: %(default)s)",
    )
    parser.add_argument(
        "--all_channels", action="store_true", help="keep the sound's channels instead of mixing to mono"
    )
    parser.add_argument(
        "--jpeg_quality",
        type=int,
        default=RecordOptions().jpeg_quality,
        help="1 to 95 (default: %(default)s)",
    )
    parser.add_argument("--workers", type=int, help="processes (default: one per core)")
    parser.add_argument(
        "--timeout_seconds", type=float, default=600.0, help="per file (default: %(default)s)"
    )
    parser.add_argument(
        "--max_failures", type=float, default=0.05, help="share of files that may fail (default: %(default)s)"
    )
    parser.set_defaults(prepare=_prepare_folder)


def _prepare_folder(args: argparse.Namespace) -> str:
    options = RecordOptions(
        media=MediaOptions(
            max_frame_rate_hz=args.max_frame_rate_hz,
            short_side_pixels=args.short_side_pixels,
            audio_rate_hz=args.audio_rate_hz,
            mono=not args.all_channels,
        ),
        jpeg_quality=args.jpeg_quality,
    )
    summary = folder.prepare_folder(
        args.media_dir,
        args.out_dir,
        test_share=args.test_share,
        options=options,
        workers=args.workers,
        timeout_seconds=args.timeout_seconds,
        max_failures=args.max_failures,
    )
    bindings = f"--gin.DATA_DIR={str(summary.directory.absolute())!r}"
    say(f"To train on it:\n  {_TRAINING} {shlex.quote(bindings)}")
    return str(summary.directory)
