"""Writes what was found as files of its own: each scene as MP4, to the frame."""

import re
from collections.abc import Sequence
from pathlib import Path

from vatt.files.whole_file import own_folder, whole_file
from vatt.search.answer import Hit
from vatt.search.index import Index
from vatt.search.playable import FULL, as_mp4
from vatt.search.thumbnail import looking_pool

_ODD = re.compile(r"[^\w.-]+")


def export_clips(
    index: Index, hits: Sequence[Hit], directory: Path, *, overwrite: bool = False
) -> dict[str, str]:
    """Writes a file for each hit, in order: `001-NAME-12.8s-16.0s.mp4`, at the size and rate of the media.

    Frames whose times are in the scene, and the audio of these times, to the sample and mono, are encoded
    anew (H.264, AAC).

    Args:
        directory: made if it is not there.
        overwrite: replace files that are there already.

    Returns:
        name -> why it could not be written, of each that could not.

    Raises:
        ValueError: a file is there already, and none was written.
    """
    places = {directory / _name(rank, hit): hit for rank, hit in enumerate(hits, start=1)}
    there = [path for path in places if path.exists()]
    if there and not overwrite:
        raise ValueError(
            f"Clips are not written over files. Received: {there[0]}, which is there. Name another "
            "folder, or --overwrite."
        )
    own_folder(directory)
    failed = {}
    with looking_pool() as pool:
        for path, hit in places.items():
            made = as_mp4(index.media(hit.place.number), hit.start_seconds, hit.end_seconds, pool, FULL)
            if isinstance(made, str):
                failed[path.name] = f"{hit.place.name}: {made}"
                continue
            with whole_file(path) as file:
                file.write(made)
    return failed


def _name(rank: int, hit: Hit) -> str:
    stem = _ODD.sub("_", Path(hit.place.name).with_suffix("").as_posix())[-80:]
    return f"{rank:03}-{stem}-{hit.start_seconds:.1f}s-{hit.end_seconds:.1f}s.mp4"
