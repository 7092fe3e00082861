"""`vatt prepare LAYOUT …`: the command line of data preparation.

A published data set is one module of `vatt/prepare/layouts`, see `plan.py` there.
"""

import argparse
import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from vatt.arguments import QUANTITY, SECONDS, explain
from vatt.files.places import is_address, plain
from vatt.prepare import folder, layouts, manifest, split_folders, writer
from vatt.prepare.errors import PreparationError, TooManyFailures
from vatt.prepare.layouts.plan import Plan
from vatt.prepare.layouts.subset import add_subset_arguments
from vatt.prepare.next_steps import PRE_TRAINING, Experiment, next_steps, read_contents
from vatt.prepare.prepare import prepare_clips
from vatt.prepare.progress import say
from vatt.prepare.storage_arguments import add_storage_arguments, storage_options
from vatt.terminal import show

_DEMO = "vatt.demo.layout"  # found by its name, like the layouts: it stands on this folder
_FOLDER = f"""\
Decodes every video, audio and image file below DIR into training records, with its caption files:
video.mp4 and video.srt (.vtt .ass .ssa, Whisper's .json), or video.txt, each line of which describes the
whole file; video.en.srt if there is a language. Files may lack video, audio or captions; 0.jpg and 0.wav are
one clip. What is left out is counted, with the reason.

Instead of DIR a manifest may be given, a table with the columns {", ".join(manifest.COLUMNS)};
all but `path` may be left out. Rows of one path, start and end are one clip with several captions.

Files that can not be read are listed in OUT/preparation.html, with the reason. An interrupted run resumes
with the same command. To train on what it made:

  vatt train {PRE_TRAINING} --data_dir OUT
"""
_AFTER = """\
Clips whose media are not there are counted and listed, and are no error. OUT/preparation.html says what was
prepared, what is missing and what failed, and why. An interrupted run resumes with the same command.
"""
_STATUS = "0 prepared, 1 more clips failed than --max_failures allows"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the layouts as sub-commands."""
    commands = parser.add_subparsers(dest="layout", required=True, metavar="LAYOUT")
    _add_layouts(commands, {"demo": importlib.import_module(_DEMO)})
    _add_folder(_sub_command(commands, "folder", "a folder of your own media files", _FOLDER))
    _add_layouts(commands, known_layouts())
    explain(parser, "vatt prepare demo", "vatt prepare folder VIDEOS RECORDS", status=_STATUS)


def _add_layouts(commands, modules: Mapping[str, ModuleType]) -> None:
    for name, module in modules.items():
        summary = module.SUMMARIES[name]
        layout = _sub_command(commands, name, summary, module.__doc__)
        if hasattr(module, "plan"):
            _add_layout(layout, name, module)
        else:
            module.add_arguments(layout)
            layout.set_defaults(prepare=module.prepare)
        explain(layout, module.EXAMPLE.format(layout=name), status=_STATUS)


def known_layouts() -> dict[str, ModuleType]:
    """Name on the command line -> module: every module of `vatt/prepare/layouts` that has `SUMMARIES`."""
    names = [f"{layouts.__name__}.{found.name}" for found in pkgutil.iter_modules(layouts.__path__)]
    modules = [importlib.import_module(name) for name in names]
    return {name: module for module in modules for name in getattr(module, "SUMMARIES", ())}


def main(args: argparse.Namespace) -> int:
    """Runs the chosen layout; returns the exit status."""
    try:
        for name, value in vars(args).items():
            if (args.layout, name) != ("folder", "media") and name != "out_dir" and is_address(value):
                raise PreparationError(
                    f"`{name}` must be a folder or a file of this machine. Received: {value}. Of a store "
                    "`vatt prepare folder` takes a tree or a manifest, `vatt prepare webdataset` tar files."
                )
        directory = args.prepare(args)
    except TooManyFailures as error:
        say(f"vatt prepare: {error}")
        return 1
    except (PreparationError, ValueError, OSError) as error:
        say(f"vatt prepare: {error}")
        return 2
    except KeyboardInterrupt:
        say("Stopped. Finished work is kept; the same command resumes.")
        return 130
    show(directory)
    return 0


def _sub_command(commands, name: str, summary: str, description: str | None) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=summary,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_layout(parser: argparse.ArgumentParser, name: str, module: ModuleType) -> None:
    parser.add_argument("--annotations", required=True, metavar="DIR", help="folder with the official files")
    parser.add_argument("--media", required=True, metavar="DIR", help="folder with the media files")
    if hasattr(module, "add_arguments"):
        module.add_arguments(parser)
    add_subset_arguments(parser, getattr(module, "SUBSETS", {}))
    parser.add_argument("out_dir", metavar="OUT", help="folder for the prepared set")
    add_storage_arguments(parser)
    parser.epilog = _AFTER
    parser.set_defaults(prepare=lambda args: _prepare_layout(args, module))


def _prepare_layout(args: argparse.Namespace, module: ModuleType) -> str | Path:
    options = storage_options(args)  # before the annotations are read: some take minutes
    plan = module.plan(args)
    say(f"{plan.name}: {len(plan.clips)} clips available, {len(plan.missing)} missing")
    plan.planning.report()
    prepare_clips(plan, args.out_dir, **options)
    return _say_next_steps(args, plan, getattr(module, "EXPERIMENT", None))


def _say_next_steps(args: argparse.Namespace, plan: Plan, experiment: Experiment | None) -> str | Path:
    """Says what the set is good for; returns its directory."""
    place = plain(args.out_dir)
    if is_address(place) or not (Path(place) / writer.DATASET_FILE).exists():  # of a part
        return place
    contents = read_contents(args.out_dir, plan.clips)
    say("\n".join(next_steps(contents, args.layout, experiment)))
    return Path(args.out_dir)


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "media",
        metavar="DIR",
        help=f"folder or address with media files, or a manifest ({' '.join(manifest.SUFFIXES)})",
    )
    parser.add_argument("out_dir", metavar="OUT", help="folder for the prepared set")
    parser.add_argument(
        "--test_share",
        type=QUANTITY,
        default=0.1,
        metavar="SHARE",
        help="share of files for testing (default: %(default)s)",
    )
    parser.add_argument(
        "--segment_seconds",
        type=SECONDS,
        default=10.0,
        metavar="S",
        help="files are cut into records of about this length; 0: one record per file (default: %(default)g)",
    )
    parser.add_argument(
        "--labels",
        choices=folder.LABELS,
        default="none",
        help="label each file with the name of its folder (default: %(default)s)",
    )
    parser.add_argument(
        "--splits",
        choices=split_folders.CHOICES,
        default="auto",
        help="take the folders train, val and test at the top of DIR for splits, or draw splits by a hash of "
        "names; auto: the folders, if all media are in such (default: %(default)s)",
    )
    parser.add_argument(
        "--language",
        metavar="L",
        help="of captions if a file has several, such as en, pt-BR or German: video.L.srt; those in other "
        "languages are left out (default: video.srt, then English, then others by their codes)",
    )
    add_storage_arguments(parser)
    parser.set_defaults(prepare=_prepare_folder)
    explain(parser, "vatt prepare folder VIDEOS RECORDS --test_share 0.2", status=_STATUS)


def _prepare_folder(args: argparse.Namespace) -> str | Path:
    options = storage_options(args)
    plan = folder.plan_folder(
        args.media,
        test_share=args.test_share,
        segment_seconds=args.segment_seconds or None,
        labels=args.labels,
        splits=args.splits,
        language=args.language,
        output=args.out_dir,
    )
    prepare_clips(plan, args.out_dir, **options)
    return _say_next_steps(args, plan, None)
