"""`vatt index DIR INDEX --model RUN`: makes a folder of media searchable, or brings its index up to date."""

import argparse
from pathlib import Path

import vatt
from vatt.arguments import explain
from vatt.embed.cli import add_window_arguments, options_of
from vatt.search.build import build_index, report
from vatt.search.layout import DTYPES
from vatt.search.speech import ENGINES
from vatt.terminal import show

_ABOUT = """\
Embeds every video, audio and image file below DIR in windows of the model's clip length, and keeps the
vectors in INDEX. Run it again after files were added, removed or changed: only changes are embedded, a moved
file is recognised by its content, and a removed file is dropped. An interrupted run resumes with the
same command, and until it ends the index is what it was. One process at a time may write.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The folder, the index, the model."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _ABOUT
    parser.add_argument("media", metavar="DIR", help="folder of media files")
    parser.add_argument("index", metavar="INDEX", help="folder of the index; made if it is not there")
    parser.add_argument(
        "--model",
        metavar="RUN",
        help="a run, a .keras file or an export (default: that of the index)",
    )
    parser.add_argument(
        "--dtype", choices=DTYPES, help="of the vectors: float16 takes half the disk and more time to search"
    )
    parser.add_argument("--rebuild", action="store_true", help="begin anew, whatever the index was made with")
    parser.add_argument(
        "--retry_failed", action="store_true", help="try files again that failed and did not change"
    )
    parser.add_argument(
        "--calibrate_on",
        metavar="CAPTIONED",
        help="folder of captioned media, to fit what probability a cosine stands for",
    )
    parser.add_argument(
        "--text_model",
        action="store_true",
        help="keep the model's text encoder in INDEX, so that sentences need onnxruntime and no TensorFlow "
        "(needs vatt[onnx])",
    )
    parser.add_argument(
        "--approximate",
        action="store_true",
        help="make lists of near windows, by which millions are searched sooner (needs vatt[approximate])",
    )
    parser.add_argument(
        "--transcribe",
        choices=tuple(ENGINES),
        help="hear what is said in files without captions (pocketsphinx: English; needs vatt[speech])",
    )
    parser.add_argument(
        "--speech_model", metavar="DIR", help="the model of vosk or faster-whisper; nothing is downloaded"
    )
    add_window_arguments(parser)
    explain(
        parser,
        "vatt index VIDEOS INDEX --model runs/pretrain",
        status="0 every file is in the index, 1 some could not be embedded or transcribed, 2 none could",
    )


def main(args: argparse.Namespace) -> int:
    """Makes or updates the index; returns the exit status."""
    if args.speech_model is not None and args.transcribe is None:
        raise ValueError("`--speech_model` is of `--transcribe ENGINE`. Received: it alone. Name an engine.")
    recogniser = None
    if args.transcribe is not None:
        recogniser = ENGINES[args.transcribe](None if args.speech_model is None else Path(args.speech_model))
    summary = build_index(
        vatt.load,
        args.model,
        args.media,
        args.index,
        options_of(args),
        dtype=args.dtype,
        rebuild=args.rebuild,
        retry_failed=args.retry_failed,
        calibrate_on=args.calibrate_on,
        text_model=args.text_model,
        approximate=args.approximate,
        recogniser=recogniser,
    )
    report(summary, Path(args.index))
    show(args.index)
    if not summary.failures and not summary.unheard:
        return 0
    return 1 if summary.files else 2
