"""A tree of media in an object store, as a folder of this machine in which media are empty files.

So what a folder's layout decides, which files are media and which captions belong to them, is decided by the
same code; media are read from the store by ranges when their clips are decoded.
"""

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from vatt.files.mirror import Mirror
from vatt.files.places import StoreError
from vatt.files.whole_file import temporary_folder
from vatt.prepare import captions, media_file
from vatt.prepare.layouts.plan import Plan
from vatt.prepare.record import Clip
from vatt.terminal import shown_as


@contextlib.contextmanager
def stood_in(address: str) -> Iterator[Path]:
    """A folder with what lies below an address: caption files as they are, everything else empty.

    Raises:
        StoreError: the store does not answer; or a name is both of an object and of a folder.
    """
    name = address.rpartition("/")[2]
    with temporary_folder(name="media") as parent, shown_as(str(parent / name), address):
        (folder := parent / name).mkdir()
        mirror = Mirror(address, folder)
        mirror.pull(lambda each: Path(each).suffix.lower() in captions.SUFFIXES)
        media_file.STORES.know(address, mirror.listed)
        folders = {str(parent) for each in mirror.listed for parent in PurePosixPath(each).parents}
        for each, size in mirror.elsewhere.items():
            if each not in folders:
                path = mirror.inside(each)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            elif size:  # none: consoles make such objects for folders
                raise StoreError(
                    f"An object's name must not be that of a folder. Received: {address}/{each}, which is "
                    "both. Rename the object."
                )
        yield folder


@contextlib.contextmanager
def fetched_manifest(address: str) -> Iterator[Path]:
    """A manifest in a store, as a file of its name."""
    parent, _, name = address.rpartition("/")
    with temporary_folder(name="manifest") as folder, shown_as(str(folder), parent):
        Mirror(parent, folder, only=name).pull(lambda each: each == name)
        yield folder / name


def moved(plan: Plan, folder: Path, address: str) -> Plan:
    """A plan for such a folder, with the objects that its files stand for."""

    def there(path: str) -> str:
        return f"{address}/{os.path.relpath(path, folder)}"

    def of_store(clip: Clip) -> Clip:
        audio = None if clip.audio is None else there(clip.audio)
        return dataclasses.replace(clip, media=there(clip.media), audio=audio)

    return dataclasses.replace(plan, clips=tuple(map(of_store, plan.clips)))
