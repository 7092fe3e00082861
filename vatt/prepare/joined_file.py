"""Finds a second file behind the one that is read: of `cat a.mp4 b.mp4` demuxers see the first half only."""

import mmap
import os
import re

from av.container import InputContainer

# How files begin whose demuxer stops at the second of two that were joined.
_BEGINNINGS = {
    "mov": rb"\0\0\0.ftyp",
    "flv": rb"FLV\x01[\x01\x04\x05]\0\0\0\x09",
    "wav": rb"RIFF....WAVEfmt ",
    "matroska": rb"\x1a\x45\xdf\xa3.{5,40}webm|\x1a\x45\xdf\xa3.{5,40}matroska",
    "aiff": rb"FORM....AIF[FC]",
    "caf": rb"caff\0\x01\0\0desc",
    "asf": rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c",
    "avi": rb"RIFF....AVI LIST",
    "tta": rb"TTA1[\x01\x03]\0",
    "w64": rb"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0",
}


def joined_file(container: InputContainer, read_until: int) -> int | None:
    """The byte at which another file begins that the demuxer has not read; None if there is none."""
    start = next((s for name, s in _BEGINNINGS.items() if name in container.format.name.split(",")), None)
    if not container.name.startswith("file:"):  # of an object or a member, which is not read to its end twice
        return None
    path = container.name.removeprefix("file:")
    size = os.path.getsize(path)
    if start is None or not 0 < read_until < size:
        return None
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = re.compile(start, re.DOTALL).search(content, read_until)
        return None if found is None else found.start()
