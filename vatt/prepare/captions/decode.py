"""Bytes of a caption file -> text, whatever encoding they are in; what was guessed or replaced is noted."""

import codecs
import re

from vatt.prepare.captions.legacy import legacy_encoding
from vatt.prepare.captions.notes import Notes

_MARKS = (  # the longer ones first: UTF-32 begins as UTF-16 does
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE_BYTES = 4096
_LEAST_NULS = 0.1  # share of bytes: blanks, line ends and digits of wide text have them in any language
_CLEAR = 0.95  # share of the NULs that must stand on the bytes which an encoding leaves 0
# Not \t, \n, \v, \f, \r and the separators 1C to 1F, which are white space.
_NOT_TEXT = re.compile("[\x00-\x08\x0e-\x1b\x7f\ud800-\udfff]")
_REPLACED = "bytes that are no text in the file's encoding, replaced by \ufffd"
_NO_CHARACTERS = "control characters and halves of surrogates, replaced by \ufffd"


def decode(data: bytes, notes: Notes) -> str:
    """The text of a file.

    A byte-order mark decides; then the pattern of zeros that UTF-16 and UTF-32 have; then UTF-8, if the bytes
    are that but for some that are damaged; else the encoding that fits the text best, which is noted.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _replacing(data[len(mark) :], encoding, notes)
    if wide := _wide_encoding(data[:_SAMPLE_BYTES]):
        notes.add(f"files without a byte-order mark, read as {wide}")
        return _replacing(data, wide, notes)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        encoding = "utf-8" if _is_damaged_utf8(data) else legacy_encoding(data)
    if encoding != "utf-8":
        notes.add(f"files that are not UTF-8, read as {_name(encoding)}")
    return _replacing(data, encoding, notes)


def scrub(text: str, notes: Notes) -> str:
    """The text with what no text may hold replaced: half surrogates, which JSON can name, and controls."""
    text, count = _NOT_TEXT.subn("\ufffd", text)
    notes.add(_NO_CHARACTERS, count)
    return text


def _replacing(data: bytes, encoding: str, notes: Notes) -> str:
    text = data.decode(encoding, errors="replace")
    if "\ufffd" in text:
        written = "\ufffd".encode(encoding, errors="ignore")  # those that the file itself has
        notes.add(_REPLACED, text.count("\ufffd") - (data.count(written) if written else 0))
    return text


def _wide_encoding(sample: bytes) -> str:
    """UTF-16 or UTF-32 without a byte-order mark by where the zeros are; "": neither."""
    nuls = sample.count(0)
    if nuls < max(2, _LEAST_NULS * len(sample)):
        return ""
    high_bytes = {  # that are 0 in nearly all texts: (first, step)
        "utf-32-le": [(2, 4), (3, 4)],
        "utf-32-be": [(0, 4), (1, 4)],
        "utf-16-le": [(1, 2)],
        "utf-16-be": [(0, 2)],
    }
    for encoding, places in high_bytes.items():
        there = [sample[first::step] for first, step in places]
        if encoding.startswith("utf-32"):
            if all(part.count(0) >= _CLEAR * len(part) for part in there):
                return encoding
        elif sum(part.count(0) for part in there) >= _CLEAR * nuls:
            return encoding
    return ""


def _is_damaged_utf8(data: bytes) -> bool:
    """Whether more of the bytes beyond ASCII make characters of UTF-8 than do not."""
    text = data.decode("utf-8", errors="replace")
    damaged = text.count("\ufffd")
    return sum(character > "\x7f" for character in text) > 2 * damaged


def _name(encoding: str) -> str:
    return encoding.replace("cp125", "windows-125")
