"""Renders the demo corpus, files whose video, audio and captions show the same scene, and prepares it.

A run of experiments/pretrain.gin does this by itself; this does it beforehand.
"""

import argparse

from vatt.arguments import COUNT, QUANTITY, SEED, add_processes
from vatt.demo.corpus import demo_corpus

SUMMARIES = {"demo": "the demo corpus, which is rendered first"}
EXAMPLE = "vatt prepare {layout} --data_dir DIR"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `vatt prepare demo`."""
    parser.add_argument("--data_dir", help="where the corpus goes (default: the user's cache folder)")
    parser.add_argument("--clips", type=COUNT, default=2000, help="training clips (default: %(default)s)")
    parser.add_argument("--seed", type=SEED, default=0)
    parser.add_argument(
        "--correspondence",
        type=QUANTITY,
        default=1.0,
        help="share of training clips whose audio and narration fit the video (default: %(default)s)",
    )
    add_processes(parser)


def prepare(args: argparse.Namespace) -> str:
    """Makes the corpus; returns its directory."""
    return demo_corpus(
        data_dir=args.data_dir,
        clips=args.clips,
        seed=args.seed,
        correspondence=args.correspondence,
        processes=args.processes,
    )
