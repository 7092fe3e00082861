"""Finds a second file behind the one that is read: of `cat a.mp4 b.mp4` demuxers see the first half only."""

import re

from av.container import InputContainer

from vatt.prepare import media_file

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


_PART_BYTES = 1 << 20
_LONGEST = 64  # bytes of a beginning


def joined_file(container: InputContainer, read_until: int) -> int | None:
    """The byte at which another file begins that the demuxer has not read; None if there is none."""
    start = next((s for name, s in _BEGINNINGS.items() if name in container.format.name.split(",")), None)
    path = container.name.removeprefix("file:")
    if start is None or not 0 < read_until < media_file.size(path):
        return None
    beginning, before = re.compile(start, re.DOTALL), b""
    with media_file.opened(path) as file:
        file.seek(read_until)
        while part := file.read(_PART_BYTES):
            content = before + part
            if found := beginning.search(content):
                return file.tell() - len(content) + found.start()
            before = content[-_LONGEST:]
    return None
