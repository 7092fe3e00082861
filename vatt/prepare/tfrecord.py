"""The framing of one record in a TFRecord file, without TensorFlow.

Workers that decode media would pay seconds and 400 MB each for `import tensorflow`, only to frame bytes. A
frame is, little-endian: uint64 length, masked CRC of the length, the content, masked CRC of the content.
"""

import struct

import google_crc32c

_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")
_MASK_DELTA = 0xA282EAD8  # tsl/lib/hash/crc32c.h


def masked_crc(content: bytes) -> int:
    """CRC-32C of bytes, rotated and offset, as TFRecord stores it: a CRC of data that holds CRCs is weak."""
    crc = google_crc32c.value(content)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def frame(content: bytes) -> bytes:
    """The frame of a record's content."""
    length = _LENGTH.pack(len(content))
    return b"".join((length, _CRC.pack(masked_crc(length)), content, _CRC.pack(masked_crc(content))))
