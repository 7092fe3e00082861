"""`vatt embed FILES… --model RUN --out F.npz`: embeddings of the windows of any media files."""

import argparse
import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import vatt
from vatt.arguments import PIXELS, SECONDS, add_processes, explain, positive
from vatt.embed.file_windows import MODALITIES
from vatt.embed.files import Options, Outcome, embed_files, open_embedder
from vatt.embed.parts import Parts, alone, state_of
from vatt.embed.table import check_suffix, write_table
from vatt.files.whole_file import own_folder
from vatt.prepare.pool import Failure
from vatt.prepare.progress import Progress, say
from vatt.prepare.walk import find_media
from vatt.terminal import one_line, show

_ABOUT = """\
Cuts each file into windows of the model's clip length and embeds them. A file may lack video or audio, be
a single image, and have any duration: only a few seconds of it are in memory.

The table has a row for each window: the file, start and end in seconds, which modalities it has, and the
vectors "video/video_audio", "video/video_text", "audio/video_audio", "audio/video_text" (unit length; zeros
where the window lacks the modality; audio reaches the video-text space via the video-audio space).

An interrupted run resumes with the same command. A file that can not be read never stops the others; all
such files are listed at the end with the reason.
"""
_LISTED = 20  # files that were embedded in part
CHANGED = "it was changed while it was being read"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files, the model, the table."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _ABOUT
    parser.add_argument("files", nargs="+", metavar="FILE", help="media files, or folders of them")
    parser.add_argument("--model", required=True, metavar="RUN", help="a run, a .keras file or an export")
    parser.add_argument("--out", required=True, metavar="F.npz|.parquet", help="the table")
    parser.add_argument("--overwrite", action="store_true", help="replace a table that is there already")
    add_window_arguments(parser)
    explain(
        parser,
        "vatt embed video.mp4 VIDEOS --model runs/pretrain --out vectors.npz",
        status="0 every file is in the table, 1 some could not be read, 2 none could",
    )


def add_window_arguments(parser: argparse.ArgumentParser) -> None:
    """How files are cut and embedded; shared with `vatt index`."""
    parser.add_argument(
        "--modalities", nargs="+", choices=MODALITIES, default=MODALITIES, help="default: all that a file has"
    )
    parser.add_argument(
        "--stride_seconds",
        type=SECONDS,
        metavar="S",
        help="from one window to the next (default: the length of a clip, without overlap)",
    )
    parser.add_argument(
        "--batch_size",
        type=positive(PIXELS),
        default=16,
        metavar="B",
        help="windows at a time (default: %(default)s)",
    )
    add_processes(parser)


def options_of(args: argparse.Namespace) -> Options:
    """What `add_window_arguments` has read."""
    return Options(
        stride_seconds=args.stride_seconds,
        modalities=tuple(args.modalities),
        batch_size=args.batch_size,
        processes=args.processes,
    )


def main(args: argparse.Namespace) -> int:
    """Embeds and writes the table; returns the exit status."""
    out, options = Path(args.out), options_of(args)
    check_suffix(out)
    if out.exists() and not args.overwrite:
        raise ValueError(
            f"`--out` must not be there yet. Received: {out}. Name another file, or --overwrite."
        )
    paths = listed(args.files)
    return embed_to_table(open_embedder(vatt.load, args.model), paths, out, options)


def listed(names: Iterable[str]) -> list[Path]:
    """The files that are named, those below named folders included, each once.

    A missing file is kept: it is reported with the others that can not be read.
    """
    paths = []
    for name in names:
        path = Path(name)
        found = find_media(path) if path.is_dir() else [path]
        if not found:
            say(f"{path} holds no media file.")
        paths += found
    paths = list(dict.fromkeys(paths))
    if not paths:
        raise ValueError("There must be a media file to embed. Received: folders that hold none.")
    return paths


def embed_to_table(embedder: Any, paths: Sequence[Path], out: Path, options: Options) -> int:
    """The job itself; see `main`."""
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = out.with_name(f".{out.name}.unfinished")
    own_folder(folder)
    with alone(folder / "lock", str(out)):
        parts = Parts(folder, options.signature(embedder))
        embedded, failures = {}, {}
        for path, outcome in embed_missing(embedder, paths, parts, options):
            (failures if isinstance(outcome, Failure) else embedded)[path] = outcome
        if embedded:
            facts = {
                "model_fingerprint": embedder.fingerprint,
                "clip_seconds": embedder.clip.span_seconds,
                "stride_seconds": options.stride_seconds or embedder.clip.span_seconds,
            }
            files = [(str(path), embedded[path]) for path in paths if path in embedded]
            write_table(out, files, facts)
            parts.remove()
    (folder / "lock").unlink(missing_ok=True)
    if embedded:
        with contextlib.suppress(OSError):  # as in `Parts.remove`
            folder.rmdir()
        windows = sum(len(each) for each in embedded.values())
        say(f"{windows} windows of {len(embedded)} files")
        show(out)
    say_in_part({path: outcome.warnings for path, outcome in embedded.items()}, of=len(embedded))
    reasons = {path: failure.reason for path, failure in failures.items()}
    say_failed(reasons, "could not be embedded")
    return 0 if not failures else 1 if embedded else 2


def embed_missing(
    embedder: Any, paths: Sequence[Path], parts: Parts, options: Options
) -> Iterator[tuple[Path, Outcome]]:
    """(path, outcome) of each file, those first that an earlier, stopped run has finished."""
    states, missing, kept = {}, [], 0
    for path in paths:
        try:
            states[path] = state_of(path)
        except OSError:
            missing.append(path)  # and what is wrong with it the decoder will say
            continue
        known = parts.get(path, states[path])
        if known is None:
            missing.append(path)
        else:
            kept += 1
            yield path, known
    if kept:
        say(f"{kept} files were finished before; continuing with {len(missing)}")
    if not missing:
        return
    with Progress("Embedding", len(missing)) as progress:

        def on_window(path, window):
            progress.note(f"{path.name} {clock(window.end_seconds)}")

        for path, outcome in embed_files(embedder, missing, options, on_window=on_window):
            progress.advance()
            if not isinstance(outcome, Failure):
                if _state_or_none(path) != states.get(path):
                    outcome = Failure(CHANGED)
                else:
                    parts.put(path, states[path], outcome)
            yield path, outcome


def _state_or_none(path: Path) -> tuple[int, int] | None:
    try:
        return state_of(path)
    except OSError:
        return None


def clock(seconds: float) -> str:
    """3723.4 -> "1:02:03.4"."""
    tenths = round(seconds * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    rest = f"{tenths // 10:02}.{tenths % 10}"
    return f"{hours}:{minutes:02}:{rest}" if hours else f"{minutes}:{rest}"


def say_in_part(lost: Mapping[Any, Sequence[str]], of: int, *, listed_in: str = "") -> None:
    """Says which files were embedded in part: their count, and what was lost of each of the first.

    Args:
        lost: file -> what was lost of it, in words; files with nothing may be there too.
        of: how many files were embedded.
        listed_in: where the others can be read; "": they are all said.
    """
    lost = {name: warnings for name, warnings in lost.items() if warnings}
    if not lost:
        return
    say(f"{len(lost)} of {of} files were embedded in part:")
    listed = list(lost.items())[: _LISTED if listed_in else None]
    for name, warnings in listed:
        say(f"  {one_line(name)}: {'; '.join(warnings)}")
    if len(listed) < len(lost):
        say(f"  … and {len(lost) - len(listed)} more, see {listed_in}")


def say_failed(failures: Mapping[Any, str], what: str) -> None:
    """Lists the files that gave nothing, with the reasons."""
    if failures:
        say(f"{len(failures)} files {what}:")
    for name, reason in failures.items():
        say(f"  {one_line(name)}: {reason}")
