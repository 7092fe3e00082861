"""The options that all layouts of `vatt prepare` share: how clips are stored, and how the work runs."""

import argparse
import shlex
from collections.abc import Callable
from typing import Any

from vatt.arguments import COUNT, GIBIBYTES, PIXELS, RATE, SECONDS, add_processes, positive
from vatt.data.set_description import AUDIO_CODECS
from vatt.prepare.job import RUNNERS, Running
from vatt.prepare.media import MediaOptions
from vatt.prepare.record import RecordOptions


def add_storage_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds them, in two groups of the help text."""
    media, record = MediaOptions(), RecordOptions()
    stored = parser.add_argument_group("how clips are stored")
    stored.add_argument(
        "--max_frame_rate_hz",
        type=positive(RATE),
        default=media.max_frame_rate_hz,
        metavar="HZ",
        help="frames kept per second; slower videos are unchanged (default: %(default)g)",
    )
    stored.add_argument(
        "--short_side_pixels",
        type=positive(PIXELS),
        default=media.short_side_pixels,
        metavar="N",
        help="short side of the frames; smaller ones are unchanged (default: %(default)s)",
    )
    stored.add_argument(
        "--audio_rate_hz",
        type=_between(1_000, 1_000_000),  # codecs and filters give nothing at a few samples a second
        default=media.audio_rate_hz,
        metavar="HZ",
        help="audio samples per second, 1,000 or more (default: %(default)s)",
    )
    stored.add_argument(
        "--audio_codec",
        choices=AUDIO_CODECS,
        default=record.audio_codec,
        help="flac loses nothing; opus has about 64 kb/s a channel, and needs 48,000 Hz; both are decoded "
        "while training reads (default: %(default)s)",
    )
    stored.add_argument(
        "--all_channels", action="store_true", help="keep the channels of the audio instead of mixing to mono"
    )
    stored.add_argument(
        "--jpeg_quality",
        type=_between(1, 95),
        default=record.jpeg_quality,
        metavar="N",
        help="JPEG quality of the frames, 1 to 95 (default: %(default)s)",
    )
    stored.add_argument(
        "--clips_per_shard",
        type=positive(COUNT),
        default=256,
        metavar="N",
        help="clips in one file at most (default: %(default)s)",
    )
    _add_running(parser.add_argument_group("how the work runs"), Running())


def _add_running(running, run: Running) -> None:
    add_processes(running)
    running.add_argument(
        "--timeout_seconds",
        type=positive(SECONDS),
        default=run.timeout_seconds,
        metavar="S",
        help="a file that gives no record for so long is given up (default: %(default)g)",
    )
    running.add_argument(
        "--memory_gib",
        type=positive(GIBIBYTES),
        default=(run.memory_bytes or 0) / 2**30,
        metavar="N",
        help="memory that a process may take; a file that needs more fails (default: %(default)g)",
    )
    running.add_argument(
        "--max_failures",
        type=_share,
        default=run.max_failures,
        metavar="SHARE",
        help="share of clips that may fail; above it the exit status is 1 (default: %(default)g)",
    )
    running.add_argument(
        "--part",
        type=_part,
        metavar="I/N",
        help="make the I-th of N parts, as a job of an array; the part that ends last finishes the set",
    )
    running.add_argument(
        "--runner",
        choices=RUNNERS,
        default=run.runner,
        help="processes on this machine, or an Apache Beam pipeline (default: %(default)s)",
    )
    running.add_argument(
        "--beam_options",
        default="",
        metavar="FLAGS",
        help="for --runner=beam, the pipeline's own: --beam_options='--runner=DataflowRunner --project=P …'",
    )


def storage_options(args: argparse.Namespace) -> dict[str, Any]:
    """The parsed options as arguments of `prepare_clips`."""
    if args.beam_options and args.runner != "beam":
        raise ValueError(f"`--beam_options` needs `--runner=beam`. Received: --runner={args.runner}.")
    media = MediaOptions(
        max_frame_rate_hz=args.max_frame_rate_hz,
        short_side_pixels=args.short_side_pixels,
        audio_rate_hz=args.audio_rate_hz,
        mono=not args.all_channels,
    )
    running = Running(
        processes=args.processes,
        timeout_seconds=args.timeout_seconds,
        memory_bytes=round(args.memory_gib * 2**30),
        max_failures=args.max_failures,
        runner=args.runner,
        part=args.part,
        beam_options=tuple(shlex.split(args.beam_options)),
    )
    return {
        "options": RecordOptions(media=media, jpeg_quality=args.jpeg_quality, audio_codec=args.audio_codec),
        "clips_per_shard": args.clips_per_shard,
        "running": running,
    }


def _part(text: str) -> tuple[int, int]:
    number, slash, count = text.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise argparse.ArgumentTypeError(f"must be I/N with I from 1 to N. Received: {text}.")
    return int(number), int(count)


def _between(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"must be between {lowest:,} and {highest:,}. Received: {text}.")
        return value

    parse.__name__ = "int"
    return parse


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be a share between 0 and 1. Received: {text}.")
    return value
