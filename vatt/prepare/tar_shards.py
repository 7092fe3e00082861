"""Samples of tar files as WebDataset writes them: neighbouring members of one name, with different endings.

Only headers are read, with what is between them where that is small; so of tar files in a store a few per
cent cross the network until their media are decoded.
"""

import fnmatch
import glob
import re
import tarfile
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vatt.files.places import is_address, open_store, plain
from vatt.prepare import media_file
from vatt.prepare.errors import PreparationError
from vatt.prepare.media_file import Member
from vatt.prepare.planning import Planning, Reason

DAMAGED = Reason("tar file that is damaged: what is behind is lost", "tar files that are damaged: …")
NO_FILE = Reason("member that is no file", "members that are no files")
AGAIN = Reason(
    "second member of a sample with the same ending", "second members of samples with the same ending"
)
_BRACES = re.compile(r"\{([^{}]*)\}")
_NUMBERS = re.compile(r"(\d+)\.\.(\d+)")


class Sample(NamedTuple):
    """What belongs together."""

    key: str  # what the names have in common
    members: dict[str, Member]  # by ending in small letters, without its first dot


def expand(patterns: Sequence[str]) -> list[str]:
    """The tar files that are meant, in order: {000..099} and {a,b} as in a shell, then * ? [ ].

    Raises:
        PreparationError: a pattern with * ? [ ] means none.
    """
    return [
        path for pattern in patterns for each in _without_braces(plain(pattern)) for path in _matches(each)
    ]


def _without_braces(pattern: str) -> Iterator[str]:
    found = _BRACES.search(pattern)
    if found is None:
        yield pattern
        return
    numbers = _NUMBERS.fullmatch(found[1])
    if numbers:
        first, last = numbers.groups()
        choices = [f"{number:0{len(first)}d}" for number in range(int(first), int(last) + 1)]
    else:
        choices = found[1].split(",")
    for choice in choices:
        yield from _without_braces(pattern[: found.start()] + choice + pattern[found.end() :])


def _matches(pattern: str) -> list[str]:
    if not glob.has_magic(pattern):
        return [pattern]
    if is_address(pattern):
        folder = re.split(r"[*?[]", pattern)[0].rpartition("/")[0]
        names = open_store(folder).entries()
        found = sorted(f"{folder}/{name}" for name in names if fnmatch.fnmatch(f"{folder}/{name}", pattern))
    else:
        found = sorted(glob.glob(pattern))
    if not found:
        raise PreparationError(f"There must be tar files. Received: {pattern}, which means none.")
    return found


def samples(holder: str, planning: Planning) -> Iterator[Sample]:
    """The samples of a tar file, in order; what is no part of one is counted in `planning`.

    FileNotFoundError: there is no such file.
    """
    key, members = "", {}
    for member in _members(holder, planning):
        folder, slash, name = member.name.rpartition("/")
        stem, _, ending = name.partition(".")
        if folder + slash + stem != key:
            if members:
                yield Sample(key, members)
            key, members = folder + slash + stem, {}
        if ending.lower() in members:
            planning.left_out.add(AGAIN, f"{holder}/{member.name}")
        else:
            members[ending.lower()] = member
    if members:
        yield Sample(key, members)


def _members(holder: str, planning: Planning) -> Iterator[Member]:
    with media_file.opened(holder) as file:
        length = media_file.size(holder)
        try:
            with tarfile.open(fileobj=file, mode="r:") as tar:
                for each in tar:
                    if each.isfile() and not each.issparse():
                        if each.offset_data + each.size > length:
                            raise tarfile.ReadError("it is cut short")
                        yield Member(holder, each.offset_data, each.size, each.name.replace("\0", ""))
                    elif not each.isdir():
                        planning.left_out.add(NO_FILE, f"{holder}/{each.name}")
                    tar.members = []  # pyright: ignore  (as many as a tar file has are not kept)
        except (tarfile.TarError, EOFError, UnicodeError) as error:
            planning.left_out.add(DAMAGED, f"{holder}: {error}")
