"""`vatt benchmark mteb|xares RUN --tasks …`: a trained model in public benchmarks, by their own harness."""

import argparse
import importlib
from pathlib import Path
from typing import Any

import vatt
from vatt.arguments import SECONDS, explain, positive
from vatt.terminal import say, show

# harness -> module that takes a model there
HARNESSES = {"mteb": "vatt.harness.mteb_model", "xares": "vatt.harness.xares_encoder"}
_ABOUT = """\
mteb has tasks of text, audio (MAEB) and video (MVEB), by name, or all of a benchmark, such as "MVEB(v1)";
X-ARES has tasks of audio, of frames too. The harness fetches what is not in --data. HEAR's harness loads a
module: python -m heareval.embeddings.runner vatt.harness.hear --model RUN --tasks-dir tasks
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The harness, the model, the tasks."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _ABOUT
    parser.add_argument(
        "harness", choices=tuple(HARNESSES), help="needs the extra of its name: vatt[mteb], vatt[xares]"
    )
    parser.add_argument("run", metavar="RUN", help="a run, a .keras file or an export")
    parser.add_argument("--tasks", nargs="+", required=True, metavar="NAME", help="tasks or benchmarks")
    parser.add_argument(
        "--data",
        metavar="DIR",
        help="mteb: data sets under their names on the Hugging Face Hub, DIR/mteb/esc50 (default: fetched); "
        "xares: the tars of each task, DIR/esc50, and what is made of them (default: env)",
    )
    parser.add_argument(
        "--out", default="benchmark", metavar="DIR", help="mteb's results (default: %(default)s)"
    )
    parser.add_argument(
        "--hop_seconds",
        type=positive(SECONDS),
        default=0.5,
        metavar="S",
        help="xares: from one feature to the next (default: %(default)s)",
    )
    explain(parser, 'vatt benchmark mteb runs/pretrain --tasks ESC50 "MVEB(video, v1)"')


def needs_tensorflow(args: argparse.Namespace) -> bool:
    """Yes, after the harness: PyTorch's triton crashes where TensorFlow was imported before it."""
    _harness(args.harness)
    return True


def main(args: argparse.Namespace) -> int:
    """Evaluates; prints a line for each task; returns the exit status."""
    harness = _harness(args.harness)
    embedder: Any = vatt.load(args.run)
    if not hasattr(embedder, "embed_video"):
        raise ValueError(
            f"A benchmark needs a model that embeds. Received: {args.run}, a {type(embedder).__name__}."
        )
    data = None if args.data is None else Path(args.data)
    if args.harness == "xares":
        for name, by_mlp, by_neighbours in harness.run_tasks(
            embedder, args.tasks, data or Path("env"), 1000 * args.hop_seconds
        ):
            shown = "" if by_neighbours is None else f"\tnearest neighbours\t{by_neighbours:.4f}"
            show(f"{name}\tMLP\t{by_mlp:.4f}{shown}")
        return 0
    scores, unread = harness.run_tasks(embedder, harness.tasks_of(args.tasks, data), Path(args.out))
    for name, metric, value in scores:
        show(f"{name}\t{metric}\t{value:.4f}")
    if unread:
        say(f"{unread} sentences have no word that the model knows; they were embedded as unknown words")
    return 0


def _harness(name: str) -> Any:
    try:
        return importlib.import_module(HARNESSES[name])
    except ImportError as error:
        raise ValueError(
            f"This benchmark needs its harness. Received: {error}. Install it with "
            f"`pip install 'vatt[{name}]'`."
        ) from error
