"""A folder of anybody's media -> a prepared set: every media file of a tree, with the captions beside it."""

import hashlib
from pathlib import Path

from vatt.prepare.captions import CaptionError, find_captions, read_captions
from vatt.prepare.prepare import PreparationError, Summary, disk_errors, prepare_clips
from vatt.prepare.progress import say
from vatt.prepare.record import Clip, RecordOptions

_VIDEO = (
    ".mp4",
    ".m4v",
    ".mov",
    ".mkv",
    ".webm",
    ".avi",
    ".ogv",
    ".mpg",
    ".mpeg",
    ".ts",
    ".wmv",
    ".flv",
    ".gif",
)
_AUDIO = (".wav", ".mp3", ".m4a", ".flac", ".ogg", ".opus", ".aac")
MEDIA_SUFFIXES = frozenset(_VIDEO + _AUDIO)


def prepare_folder(
    media_dir,
    out_dir,
    *,
    test_share: float = 0.1,
    options: RecordOptions = RecordOptions(),  # noqa: B008 (frozen)
    workers: int | None = None,
    timeout_seconds: float = 600.0,
    max_failures: float = 0.05,
) -> Summary:
    """Prepares every media file below `media_dir`; one record per file.

    Whether a file is for training or for testing is decided by a hash of its path below `media_dir`, so it
    stays where it is when others come and go.

    Args:
        media_dir: the tree; links to directories are not followed.
        out_dir: the prepared set's directory.
        test_share: share of files for the "test" split, 0 to 1.
        options, workers, timeout_seconds, max_failures: as in `prepare_clips`.
    """
    media_dir = Path(media_dir)
    if not media_dir.is_dir():
        raise PreparationError(f"{media_dir} is not a directory. Give the folder that holds the media files.")
    if not 0 <= test_share <= 1:
        raise PreparationError(f"`test_share` must lie between 0 and 1. Received: {test_share}.")
    clips = find_clips(media_dir, test_share)
    if not clips:
        raise PreparationError(
            f"{media_dir} holds no media file. Looked for {' '.join(sorted(MEDIA_SUFFIXES))}."
        )
    with_captions = sum(bool(clip.captions) for clip in clips)
    say(f"{media_dir}: {len(clips)} media files, {with_captions} of them with captions")
    way_out = "What is finished stays: make room and run the same command again, or name another OUT."
    with disk_errors(Path(out_dir), way_out):
        return prepare_clips(
            clips,
            out_dir,
            name=media_dir.resolve().name,
            options=options,
            definition=f"folder, test_share={test_share}",
            workers=workers,
            timeout_seconds=timeout_seconds,
            max_failures=max_failures,
        )


def find_clips(media_dir: Path, test_share: float) -> list[Clip]:
    """A clip per media file, in the order of their paths. Unreadable captions are reported and left out."""
    clips = []
    for path in sorted(media_dir.rglob("*")):
        relative = path.relative_to(media_dir)
        is_hidden = any(part.startswith(".") for part in relative.parts)
        if is_hidden or path.suffix.lower() not in MEDIA_SUFFIXES or not path.is_file():
            continue
        media_id = relative.as_posix()
        captions = ()
        captions_file = find_captions(path)
        if captions_file is not None:
            try:
                captions = tuple(read_captions(captions_file))
                if not captions:
                    say(f"{captions_file}: holds no caption")
            except CaptionError as error:
                say(str(error))
        split = "test" if _hash_share(media_id) < test_share else "train"
        clips.append(Clip(media=str(path), media_id=media_id, split=split, captions=captions))
    return clips


def _hash_share(name: str) -> float:
    """A number in [0, 1) that is evenly spread over names and always the same for one name."""
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()[:8], "big") / 2**64
