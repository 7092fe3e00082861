"""User media -> clips: the media files of a tree, with their caption files, or of a manifest."""

import dataclasses
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vatt.files.places import is_address, plain
from vatt.prepare import manifest, media_file, split_folders, stored_folder
from vatt.prepare.caption_files import CaptionFiles, folders_of
from vatt.prepare.errors import PreparationError
from vatt.prepare.languages import Tag
from vatt.prepare.layouts.plan import Plan
from vatt.prepare.planning import Planning, Reason, unique_names
from vatt.prepare.progress import say
from vatt.prepare.record import Clip
from vatt.prepare.side_cars import wanted_language
from vatt.prepare.walk import MEDIA_SUFFIXES, walk_media

LABELS = ("none", "folders")
PAIRED = Reason(
    "clip is an image with the audio file of its name", "clips are images with the audio files of their names"
)
BY_FOLDER = Reason(
    "clip is in the split of its top-level folder (--splits hash draws splits instead)",
    "clips are in the splits of their top-level folders (--splits hash draws splits instead)",
)
NOT_BY_FOLDER = Reason(
    "clip in a folder with a split's name is in a split that was drawn (--splits folders takes the folder's)",
    "clips in folders with splits' names are in splits that were drawn (--splits folders takes the folders')",
)
OUTSIDE_SPLITS = Reason(
    "media file outside of the splits' folders", "media files outside of the splits' folders"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FolderOptions:
    """How a folder or a manifest becomes clips."""

    # share of files for the "test" split, 0 to 1, where neither folders nor a manifest say it
    test_share: float = 0.1
    # files are cut into records of about this length; None: one record per file
    segment_seconds: float | None = 10.0
    labels: str = "none"  # "folders": each file is labelled with the name of the folder it is in; "none"
    splits: str = "auto"  # "folders", "hash" or "auto", see `split_folders.are_splits`
    # of captions, where there are several next to a file; None: see `SideCars.of_media`
    language: str | None = None
    # a folder, or an address, that is not entered, since the set is written to it
    output: str | Path | None = None

    def __post_init__(self):
        if not 0 <= self.test_share <= 1:
            raise PreparationError(f"`test_share` must be between 0 and 1. Received: {self.test_share}.")
        if self.segment_seconds is not None and not self.segment_seconds > 0:
            raise PreparationError(f"`segment_seconds` must be positive. Received: {self.segment_seconds}.")
        if self.labels not in LABELS:
            raise PreparationError(f"`labels` must be one of {', '.join(LABELS)}. Received: {self.labels!r}.")

    @property
    def wanted(self) -> Tag | None:
        """The language of captions that is wanted."""
        return wanted_language(self.language)

    @property
    def definition(self) -> str:
        """For dataset.json."""
        language = f", language={self.language}" if self.language else ""
        return f"test_share={self.test_share}, segment_seconds={self.segment_seconds}{language}"


def plan_folder(media: str | Path, **options: Any) -> Plan:
    """What to make of a folder or a manifest.

    Whether a file is for training or for testing is decided by a hash of its path below the folder, so it
    stays where it is when others come and go, and all records of a file are in one split. A manifest, or the
    names of top-level folders, can say otherwise.

    Args:
        media: a tree of media files, see `walk_media`; or a manifest; in a folder or in a store.
        options: of `FolderOptions`.

    Returns:
        The clips in the order of their paths, or of the manifest. What was left out is said, and in the plan.

    Raises:
        PreparationError: there is no media file, or an argument has no such value.
        ManifestError: the manifest breaks a rule.
    """
    chosen, text = FolderOptions(**options), plain(media).rstrip("/")
    if not is_address(text):
        return _plan(Path(media), chosen)
    if text.lower().endswith(manifest.SUFFIXES):
        with stored_folder.fetched_manifest(text) as path:
            return _plan(path, chosen, text.rpartition("/")[0])
    with stored_folder.stood_in(text) as folder:
        output = plain(chosen.output or "")
        within = folder / output.removeprefix(f"{text}/") if output.startswith(f"{text}/") else None
        return stored_folder.moved(_plan(folder, dataclasses.replace(chosen, output=within)), folder, text)


def _plan(media: Path, chosen: FolderOptions, base: str = "") -> Plan:
    if media.is_file():
        plan = _manifest_plan(media, chosen, base)
    elif media.is_dir():
        plan = _folder_plan(media, chosen)
    else:
        raise PreparationError(
            f"There must be a folder of media, or a manifest. Received: {media}, which is not there. "
            "Give the folder that holds the media files."
        )
    plan.planning.report()
    with_captions = sum(bool(clip.captions) for clip in plan.clips)
    for_testing = sum(clip.split == "test" for clip in plan.clips)
    say(
        f"{media}: {len(plan.clips)} clips, {with_captions} with captions, {for_testing} for testing; "
        f"{len(plan.missing)} are missing"
    )
    if chosen.test_share and not for_testing:
        others = sorted({clip.split for clip in plan.clips} - {"train"})
        if others:
            say(
                f"No clip is for testing. To measure on {others[0]}, add to the command: "
                f"--gin.PreparedClips.eval_split={others[0]}"
            )
        elif media.is_file():
            say(
                "No clip is for testing, so nothing can be measured: write `test` into the column `split` of "
                "some rows."
            )
        else:
            share = _least_share([clip.media_id for clip in plan.clips])
            say(
                "No clip is for testing, so nothing can be measured: use a manifest, or "
                f"--test_share {share}, which holds out a few files."
            )
    return plan


def _manifest_plan(path: Path, options: FolderOptions, base: str) -> Plan:
    if options.labels != "none":
        raise PreparationError(
            f"A manifest has its labels in the column `label`. Received: labels={options.labels!r}."
        )
    if options.splits == "folders":
        raise PreparationError("A manifest has its splits in the column `split`. Received: splits='folders'.")
    planning = Planning()
    listed = manifest.read_manifest(
        path,
        segment_seconds=options.segment_seconds,
        split_of=lambda media_id: drawn_split(media_id, options.test_share),
        planning=planning,
        base=base,
    )
    if not listed.clips:
        raise PreparationError(
            f"{path} names no file that is there; the first is {listed.missing[0][1]}. "
            f"Paths in a manifest are relative to the manifest's own folder."
        )
    clips = listed.clips
    if not listed.has_captions:
        here = [clip for clip in clips if media_file.is_plain(clip.media)]
        folders = folders_of([Path(clip.media) for clip in here], planning)
        caption_files = CaptionFiles(folders, path.parent, planning, wanted=options.wanted)
        captioned = iter(_with_captions(here, caption_files))
        clips = tuple(next(captioned) if media_file.is_plain(clip.media) else clip for clip in clips)
        caption_files.account()
    return Plan(
        name=unique_names([path.resolve().stem])[0],
        clips=clips,
        labels=listed.labels,
        missing=listed.missing,
        definition=f"manifest {path.name}, {options.definition}",
        planning=planning,
    )


def _folder_plan(folder: Path, options: FolderOptions) -> Plan:
    walk = walk_media(folder, output=None if options.output is None else Path(plain(options.output)))
    planning = Planning(left_out=walk.left_out)
    files = walk.media
    if not files:
        planning.report()
        raise PreparationError(
            f"{folder} holds no media file. Looked for {' '.join(sorted(MEDIA_SUFFIXES))}; "
            f"a manifest must end in {' '.join(manifest.SUFFIXES)} and be named itself."
        )
    by_folder = split_folders.are_splits([path.relative_to(folder) for path in files], options.splits)
    audio_of = walk.audio_of
    in_pairs = set(audio_of.values())
    paths = [path for path in files if path not in in_pairs]
    media_ids = unique_names([path.relative_to(folder).as_posix() for path in paths])
    clips = []
    for path, media_id in zip(paths, media_ids, strict=True):
        split = split_folders.split_of_folder(path.relative_to(folder))
        if by_folder and not split:
            planning.left_out.add(OUTSIDE_SPLITS, media_id)
            continue
        if split:
            planning.decided.add(
                *((BY_FOLDER, f"{media_id}: {split}") if by_folder else (NOT_BY_FOLDER, media_id))
            )
        audio = audio_of.get(path)
        if audio is not None:
            planning.decided.add(PAIRED, f"{media_id} + {audio.name}")
        clips.append(
            Clip(
                media=str(path),
                media_id=media_id,
                split=split if by_folder else drawn_split(media_id, options.test_share),
                segment_seconds=options.segment_seconds,
                audio=None if audio is None else str(audio),
            )
        )
    caption_files = CaptionFiles(walk.folders, folder, planning, wanted=options.wanted, within=folder)
    clips = _with_captions(clips, caption_files)
    caption_files.account(walk.captions)
    labels, clips = _labelled(clips, folder, by_folder) if options.labels == "folders" else ((), clips)
    return Plan(
        name=unique_names([folder.resolve().name])[0],
        clips=tuple(clips),
        labels=labels,
        definition=f"folder, {options.definition}, labels={options.labels}, splits="
        f"{'folders' if by_folder else 'hash'}",
        planning=planning,
    )


def _with_captions(clips: Sequence[Clip], caption_files: CaptionFiles) -> list[Clip]:
    files = [tuple(map(Path, clip.files)) for clip in clips]
    return [
        dataclasses.replace(clip, captions=captions)
        for clip, captions in zip(clips, caption_files.read(files), strict=True)
    ]


def _labelled(clips: list[Clip], folder: Path, by_folder: bool) -> tuple[tuple[str, ...], list[Clip]]:
    """Labels in the order of their names, and the clips with them: the names of the folders they are in.

    A file in the folder itself, or in that of its split, has none.
    """
    named = []
    for clip in clips:
        parents = Path(clip.media).relative_to(folder).parts[:-1]
        named.append("".join(parents[1:][-1:] if by_folder else parents[-1:]))
    names = sorted(set(named) - {""})
    written = dict(zip(names, unique_names(names), strict=True))
    labels = tuple(sorted(written.values()))
    index = {label: number for number, label in enumerate(labels)}
    return labels, [
        dataclasses.replace(clip, labels=((index[written[name]], written[name]),)) if name else clip
        for clip, name in zip(clips, named, strict=True)
    ]


def drawn_split(media_id: str, test_share: float) -> str:
    """Evenly spread over names, and always the same for one name."""
    return "test" if _place(media_id) < test_share else "train"


def _place(media_id: str) -> float:
    return int.from_bytes(hashlib.sha256(media_id.encode()).digest()[:8], "big") / 2**64


def _least_share(media_ids: list[str]) -> float:
    """The test share, in hundredths, that draws two files of a small folder, or a tenth."""
    places = sorted(map(_place, set(media_ids)))
    return math.floor(places[min(max(2, len(places) // 10), len(places)) - 1] * 100 + 1) / 100
