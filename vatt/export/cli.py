"""`vatt export RUN OUT`: a trained model for use without this code."""

import argparse

from vatt.arguments import COUNT, explain
from vatt.export.asked import DEFAULT_FORMATS, FORMATS, Naming
from vatt.spec import MODALITIES
from vatt.terminal import show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of the verb."""
    parser.description = (
        "Writes a trained model as SavedModel, TF Hub module, .keras, safetensors, LiteRT and ONNX, in "
        "float32, each checked against the model's own numbers, with a model card. Where something fails, "
        "nothing is left."
    )
    parser.add_argument(
        "run",
        metavar="RUN",
        help="run directory, RUN/checkpoints/ckpt-STEP, .keras file or released checkpoint",
    )
    parser.add_argument("output", metavar="OUT", help="directory to write, which must not be there yet")
    parser.add_argument(
        "--formats",
        nargs="+",
        choices=FORMATS,
        default=DEFAULT_FORMATS,
        help="what to write (default: all but those of ONNX, which need the extra vatt[onnx])",
    )
    parser.add_argument(
        "--modalities",
        nargs="+",
        choices=MODALITIES,
        help="input modalities (default: those it was trained on)",
    )
    parser.add_argument(
        "--vocabulary_file", metavar="WORDS.txt", help="word list of a released checkpoint, a word a line"
    )
    parser.add_argument("--name", default=Naming.name, help="of the model (default: %(default)s)")
    parser.add_argument("--publisher", default=Naming.publisher, help="on the TF Hub page")
    parser.add_argument("--version", type=COUNT, default=Naming.version, help="of the model, from 1")
    parser.add_argument("--licence", default=Naming.licence, help="of the weights, such as Apache-2.0")
    parser.add_argument(
        "--several_labels",
        action=argparse.BooleanOptionalAction,
        help="whether a clip may have several classes (default: as its evaluation says)",
    )
    explain(parser, "vatt export runs/pretrain OUT --name my-model --licence Apache-2.0")


def main(arguments: argparse.Namespace) -> int:
    """Writes the export, says what was compared; returns the exit status."""
    from vatt.export.exporting import export_path

    card = export_path(
        arguments.run,
        arguments.output,
        vocabulary_file=arguments.vocabulary_file,
        formats=arguments.formats,
        modalities=arguments.modalities,
        naming=Naming.of(arguments),
        several_labels=arguments.several_labels,
    )
    for line in card.checks:
        show(line)
    show(f"golden embeddings        {card.golden_hash}")
    show(arguments.output)
    return 0
