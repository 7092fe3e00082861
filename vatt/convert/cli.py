"""`vatt convert …`: the command line of conversions, a sub-command each."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vatt.arguments import PIXELS, QUANTITY, explain
from vatt.convert.keras_file import add_input_facts
from vatt.convert.report import ConversionError, LoadReport
from vatt.files.whole_file import temporary_folder
from vatt.terminal import say, show

INCOMPLETE, REFUSED = 1, 2  # exit statuses
_STATUS = "0 written, 1 weights are missing or unused and nothing was written"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the conversions as sub-commands."""
    conversions = parser.add_subparsers(dest="conversion", required=True, metavar="CONVERSION")
    _add_released(
        conversions.add_parser("released", help="a checkpoint of the original VATT release -> .keras")
    )
    _add_to_released(
        conversions.add_parser("to-released", help=".keras -> a checkpoint as the release writes it")
    )
    _add_t5(conversions.add_parser("t5", help="a T5 encoder in safetensors -> .keras"))
    _add_vit(conversions.add_parser("vit", help="an image ViT in safetensors -> .keras, for video"))
    _add_to_vit(conversions.add_parser("to-vit", help=".keras -> a ViT's safetensors"))
    explain(parser, "vatt convert released tx_fac_mbs/ckpt-500000 mbs.keras", status=_STATUS)


def main(args: argparse.Namespace) -> int:
    """Runs the chosen conversion; returns the exit status: 0, 1 where the report is incomplete, 2 for bad
    input.
    """
    try:
        return args.convert(args)
    except (ConversionError, ValueError, OSError) as error:
        say(f"vatt convert: {error}")
        return REFUSED


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of every conversion that loads weights."""
    parser.add_argument("--report", metavar="R.json", help="also write the load report to this file")
    parser.add_argument(
        "--allow_missing",
        metavar="PATTERN",
        action="append",
        default=[],
        help="weights of ours (path, * for anything) that may keep their initial values; may be repeated",
    )
    parser.add_argument(
        "--allow_unused",
        metavar="PATTERN",
        action="append",
        default=[],
        help="variables of the source (name, * for anything) that may be left behind; may be repeated",
    )


def finish(report: LoadReport, args: argparse.Namespace, save: Callable[[], None]) -> int:
    """Prints and writes the report and, where it is complete or allowed to be incomplete, calls `save()`."""
    show(report.summary())
    if args.report:
        report.write(args.report)
    if report.problems(args.allow_missing, args.allow_unused):
        say(
            "vatt convert: incomplete, nothing was written. Name what may stay out with --allow_missing or "
            "--allow_unused."
        )
        return INCOMPLETE
    save()
    return 0


def save_model(model: Any, path: str | Path, facts: dict[str, Any] | None = None) -> None:
    """Writes a .keras file, with the facts on its inputs, that is there whole or not at all."""
    path = checked_output(path)
    with temporary_folder(path.parent, path.name) as folder:
        written = folder / path.name
        model.save(written)
        if facts is not None:
            add_input_facts(written, facts)
        os.replace(written, path)
    show(path)


def checked_output(path: str | Path) -> Path:
    """The path of a .keras file to write, refused before any work where it could not be written."""
    path = Path(path).expanduser()
    if path.suffix != ".keras":
        raise ConversionError(f"The file to write must end in .keras. Received: {path}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path.parent, os.W_OK):
        raise ConversionError(f"The file's directory must be writable. Received: {path.parent}.")
    return path


def _add_released(parser):
    parser.description = (
        "Loads a checkpoint of the original release (pre-trained: tx_fac, ut_fac, mmv_fac; fine-tuned: vit, "
        "wat, spt, i3d, resnet2d) into our model. The architecture is read off the shapes."
    )
    parser.add_argument("checkpoint", metavar="CKPT", help="prefix (…/ckpt-7) or directory of the checkpoint")
    parser.add_argument("output", metavar="OUT.keras")
    parser.add_argument(
        "--head_width",
        type=PIXELS,
        help="features per attention head (default: inferred from relative positions, else 64, as released)",
    )
    parser.add_argument(
        "--vocabulary_file",
        metavar="WORDS.txt",
        help="the release's word list (misc/howto100m_en.txt), which goes into the file, so that it takes "
        "sentences",
    )
    parser.add_argument(
        "--label_file", metavar="LABELS.txt", help="names of a classifier's classes, one a line"
    )
    add_report_arguments(parser)
    parser.set_defaults(convert=_released)
    explain(
        parser,
        "vatt convert released tx_fac_mbs/ckpt-500000 mbs.keras --vocabulary_file howto100m_en.txt",
        status=_STATUS,
    )


def _released(args):
    from vatt.convert.released import convert_released
    from vatt.convert.released_inputs import described, released_inputs

    checked_output(args.output)
    model, report = convert_released(args.checkpoint, head_width=args.head_width)
    facts = released_inputs(model, vocabulary_file=args.vocabulary_file, label_file=args.label_file)
    status = finish(report, args, lambda: save_model(model, args.output, facts))
    show(described(facts))
    return status


def _add_to_released(parser):
    parser.description = "Writes our model in the release's layout, bit for bit."
    parser.add_argument("model", metavar="MODEL.keras")
    parser.add_argument(
        "output", metavar="OUT_PREFIX", help="prefix of the files to write, such as DIR/ckpt-1"
    )
    parser.set_defaults(convert=_to_released)
    explain(parser, "vatt convert to-released MODEL.keras OUT/ckpt-1")


def _to_released(args):
    from vatt.convert.released import write_released
    from vatt.models.loading import load_model

    write_released(load_model(args.model), args.output)
    show(args.output)
    return 0


def _add_t5(parser):
    parser.description = (
        "Loads the encoder of T5 v1.0, v1.1, FLAN-T5 or mT5 from a directory of config.json and "
        "model.safetensors into a text model. Its word ids are those of T5's SentencePiece model."
    )
    parser.add_argument("directory", metavar="DIR")
    parser.add_argument("output", metavar="OUT.keras")
    add_report_arguments(parser)
    parser.set_defaults(convert=_t5)
    explain(parser, "vatt convert t5 flan-t5-small t5.keras", status=_STATUS)


def _t5(args):
    from vatt.convert.t5 import convert_t5

    checked_output(args.output)
    model, report = convert_t5(args.directory)
    return finish(report, args, lambda: save_model(model, args.output))


def _add_vit(parser):
    parser.description = (
        "Loads an image ViT (transformers' ViTModel or timm's VisionTransformer: config.json and "
        "model.safetensors) into a video model: a still clip of one patch length gives the same result as "
        "its image."
    )
    parser.add_argument("directory", metavar="DIR")
    parser.add_argument("output", metavar="OUT.keras")
    parser.add_argument("--frames", type=PIXELS, default=32, help="frames of a clip (default: %(default)s)")
    parser.add_argument(
        "--frame_size",
        type=PIXELS,
        help="height and width in pixels (default: the ViT's); positions are interpolated",
    )
    parser.add_argument(
        "--patch_frames",
        type=PIXELS,
        default=4,
        help="frames of a patch (default: %(default)s, the paper's)",
    )
    parser.add_argument(
        "--positions",
        choices=("joint", "split"),
        default="joint",
        help="joint: a table over all places of a frame, exact; split: over rows and columns, as in VATT; "
        "the report says what that loses (default: %(default)s)",
    )
    group = parser.add_argument_group(
        "what can not be inferred from shapes",
        "Read from config.json and preprocessor_config.json; asked for where they do not say it.",
    )
    group.add_argument("--heads", type=PIXELS, metavar="N", help="attention heads")
    group.add_argument(
        "--norm_epsilon",
        type=QUANTITY,
        metavar="E",
        help="added to the variance in every norm, such as 1e-6",
    )
    group.add_argument(
        "--activation", metavar="NAME", help="of the feed-forward networks; only gelu is taken"
    )
    for flag, words in {"--image_mean": "mean", "--image_std": "standard deviation"}.items():
        group.add_argument(
            flag,
            type=_numbers,
            metavar="R,G,B",
            help=f"{words} that pixels in [0, 1] are normalised with, such as 0.5,0.5,0.5",
        )
    add_report_arguments(parser)
    parser.set_defaults(convert=_vit)
    explain(parser, "vatt convert vit vit-base-patch16-224 vit.keras", status=_STATUS)


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(map(QUANTITY, text.split(",")))


def _vit(args):
    from vatt.convert.vit import convert_vit
    from vatt.convert.vit_settings import Stated

    checked_output(args.output)
    model, report = convert_vit(
        args.directory,
        frames=args.frames,
        frame_size=args.frame_size,
        patch_frames=args.patch_frames,
        positions=args.positions,
        stated=Stated(
            heads=args.heads,
            norm_epsilon=args.norm_epsilon,
            activation=args.activation,
            image_mean=args.image_mean,
            image_std=args.image_std,
        ),
    )
    return finish(report, args, lambda: save_model(model, args.output))


def _add_to_vit(parser):
    parser.description = (
        "Writes the encoder for video or audio (blocks and final norm, bit for bit) as config.json and "
        "model.safetensors in the layout of transformers' ViTModel."
    )
    parser.add_argument("model", metavar="MODEL.keras")
    parser.add_argument("output", metavar="OUT_DIR")
    parser.add_argument("--modality", choices=("video", "audio"), default="video")
    parser.set_defaults(convert=_to_vit)
    explain(parser, "vatt convert to-vit MODEL.keras OUT --modality video")


def _to_vit(args):
    from vatt.convert.vit import write_vit
    from vatt.models.loading import load_model

    write_vit(load_model(args.model), args.output, args.modality)
    show(args.output)
    return 0
