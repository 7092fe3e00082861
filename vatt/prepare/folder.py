"""Anybody's media -> clips: the media files of a tree, with the captions beside them, or of a manifest."""

import hashlib
import os
from pathlib import Path

from vatt.prepare import manifest
from vatt.prepare.captions import Caption, CaptionError, read_captions
from vatt.prepare.errors import PreparationError
from vatt.prepare.layouts.plan import Plan
from vatt.prepare.progress import say
from vatt.prepare.record import Clip
from vatt.prepare.side_cars import SideCars
from vatt.prepare.still import STILL_SUFFIXES

# fmt: off
_FILM_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".mkv", ".webm", ".avi", ".divx", ".wmv", ".asf",
    ".flv", ".f4v", ".ogv", ".ogm", ".mpg", ".mpeg", ".mpe", ".m1v", ".m2v", ".vob", ".ts", ".mts",
    ".m2ts", ".mxf", ".dv", ".rm", ".nut", ".ivf", ".h264", ".264", ".hevc", ".265", ".gif",
)
_SOUND_SUFFIXES = (
    ".wav", ".w64", ".mp3", ".mp2", ".m4a", ".aac", ".flac", ".ogg", ".oga", ".opus", ".spx", ".mka",
    ".wma", ".aif", ".aiff", ".au", ".caf", ".ac3", ".eac3", ".amr", ".ape", ".wv", ".tta",
)
# fmt: on
MEDIA_SUFFIXES = frozenset((*_FILM_SUFFIXES, *_SOUND_SUFFIXES, *STILL_SUFFIXES))
LABELS = ("none", "folders")


def plan_folder(
    media, *, test_share: float = 0.1, segment_seconds: float | None = 10.0, labels: str = "none"
) -> Plan:
    """What to make of a folder or a manifest.

    Whether a file is for training or for testing is decided by a hash of its path below the folder, so it
    stays where it is when others come and go, and all records of a file lie in one split. A manifest can say
    otherwise.

    Args:
        media: a tree of media files, in which links to directories are not followed; or a manifest.
        test_share: share of files for the "test" split, 0 to 1.
        segment_seconds: files are cut into records of about this length; None: one record per file.
        labels: "folders": each file is labelled with the name of the folder it lies in; "none".

    Returns:
        The clips in the order of their paths, or of the manifest.

    Raises:
        PreparationError: there is no media file, or an argument has no such value.
        ManifestError: the manifest breaks a rule.
    """
    media = Path(media)
    if not 0 <= test_share <= 1:
        raise PreparationError(f"`test_share` must lie between 0 and 1. Received: {test_share}.")
    if segment_seconds is not None and not segment_seconds > 0:
        raise PreparationError(f"`segment_seconds` must be positive. Received: {segment_seconds}.")
    if labels not in LABELS:
        raise PreparationError(f"`labels` must be one of {', '.join(LABELS)}. Received: {labels!r}.")
    if media.is_file():
        plan = _manifest_plan(media, test_share, segment_seconds, labels)
    elif media.is_dir():
        plan = _folder_plan(media, test_share, segment_seconds, labels)
    else:
        raise PreparationError(
            f"There must be a folder of media, or a manifest. Received: {media}, which is not there. "
            "Give the folder that holds the media files."
        )
    with_captions = sum(bool(clip.captions) for clip in plan.clips)
    for_testing = sum(clip.split == "test" for clip in plan.clips)
    say(
        f"{media}: {len(plan.clips)} clips, {with_captions} with captions, {for_testing} for testing; "
        f"{len(plan.missing)} are missing"
    )
    if test_share and not for_testing:
        say("No clip is for testing, so nothing can be measured: raise --test_share, or use a manifest.")
    return plan


def _manifest_plan(path: Path, test_share: float, segment_seconds: float | None, labels: str) -> Plan:
    if labels != "none":
        raise PreparationError(
            f"A manifest has its labels in the column `label`. Received: labels={labels!r}."
        )
    side_cars = SideCars()
    listed = manifest.read_manifest(
        path,
        segment_seconds=segment_seconds,
        split_of=lambda media_id: _split(media_id, test_share),
        captions_of=lambda media: _captions_beside(media, side_cars),
    )
    if not listed.clips:
        raise PreparationError(
            f"{path} names no file that is there; the first is {listed.missing[0][1]}. "
            f"Paths in a manifest are relative to the manifest's own folder."
        )
    return Plan(
        name=path.resolve().stem,
        clips=listed.clips,
        labels=listed.labels,
        missing=listed.missing,
        definition=f"manifest {path.name}, test_share={test_share}, segment_seconds={segment_seconds}",
    )


def _folder_plan(folder: Path, test_share: float, segment_seconds: float | None, labels: str) -> Plan:
    paths = find_media(folder)
    if not paths:
        raise PreparationError(
            f"{folder} holds no media file. Looked for {' '.join(sorted(MEDIA_SUFFIXES))}; "
            f"a manifest must end in {' '.join(manifest.SUFFIXES)} and be named itself."
        )
    own_folders = [
        path.parent.name if labels == "folders" and path.parent != folder else "" for path in paths
    ]
    names = tuple(sorted(set(own_folders) - {""}))
    index = {name: number for number, name in enumerate(names)}
    side_cars = SideCars()
    clips = []
    for path, name in zip(paths, own_folders):
        media_id = path.relative_to(folder).as_posix()
        clips.append(
            Clip(
                media=str(path),
                media_id=media_id,
                split=_split(media_id, test_share),
                labels=((index[name], name),) if name else (),
                captions=_captions_beside(path, side_cars),
                segment_seconds=segment_seconds,
            )
        )
    return Plan(
        name=folder.resolve().name,
        clips=tuple(clips),
        labels=names,
        definition=f"folder, test_share={test_share}, segment_seconds={segment_seconds}, labels={labels}",
    )


def find_media(folder: Path) -> list[Path]:
    """The media files of a tree in the order of their paths; no hidden ones, and no covers.

    An image that is called as a film or a sound beside it is its cover, not a clip.
    """
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = [Path(parent, name) for name in names if not name.startswith(".")]
        paths = [path for path in paths if path.suffix.lower() in MEDIA_SUFFIXES and path.is_file()]
        others = {path.stem for path in paths if path.suffix.lower() not in STILL_SUFFIXES}
        found += [
            path for path in paths if path.suffix.lower() not in STILL_SUFFIXES or path.stem not in others
        ]
    return sorted(found)


def _captions_beside(media: Path, side_cars: SideCars) -> tuple[Caption, ...]:
    """The captions beside a media file; unreadable ones are reported and left out."""
    path = side_cars.find(media)
    if path is None:
        return ()
    try:
        file = read_captions(path)
    except CaptionError as error:
        say(str(error))
        return ()
    if file.notes:
        say(f"{path}: {file}")
    if not file.captions:
        say(f"{path}: holds no caption")
    return file.captions


def _split(media_id: str, test_share: float) -> str:
    """Evenly spread over names, and always the same for one name."""
    digest = hashlib.sha256(media_id.encode("utf-8", "surrogateescape")).digest()
    return "test" if int.from_bytes(digest[:8], "big") / 2**64 < test_share else "train"
