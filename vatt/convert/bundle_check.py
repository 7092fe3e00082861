"""Checks the sizes that a TensorFlow checkpoint states before TensorFlow asks for memory for them.

Its index is a table whose last 48 bytes say where two blocks are; the blocks have checksums, these bytes have
none. What the index says of a tensor's shape is believed, too.
"""

import math
import struct
from pathlib import Path

_FOOTER_BYTES, _MAGIC = 48, 0xDB4775248B80FB57  # LevelDB's table format
_BLOCK_TRAILER_BYTES = 5  # a byte that names the compression, and a checksum


def check_index(prefix: str) -> None:
    """Raises ValueError where the index of a checkpoint can not be one."""
    path = Path(f"{prefix}.index")
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(size - _FOOTER_BYTES, 0))
        footer = file.read(_FOOTER_BYTES)
    if len(footer) < _FOOTER_BYTES or struct.unpack_from("<Q", footer, _FOOTER_BYTES - 8)[0] != _MAGIC:
        raise ValueError(f"{path.name} is cut short, or no index of a checkpoint")
    at = 0
    for _ in range(2):
        offset, at = _varint(footer, at)
        length, at = _varint(footer, at)
        if offset + length + _BLOCK_TRAILER_BYTES > size - _FOOTER_BYTES:
            raise ValueError(f"{path.name} is damaged: it names {length:,} bytes that it does not have")


def check_shapes(prefix: str, shapes: dict, dtypes: dict) -> None:
    """Raises ValueError where the tensors of a checkpoint are larger than its files."""
    folder, stem = Path(prefix).parent, Path(prefix).name
    there = sum(
        path.stat().st_size
        for path in folder.iterdir()
        if path.name.startswith(f"{stem}.data-") and path.is_file()
    )
    for name, shape in shapes.items():
        stated = math.prod(shape) * max(dtypes[name].size, 1)
        if min(shape, default=0) < 0 or stated > there:
            raise ValueError(f"{name!r} has shape {list(shape)}, but all data files have {there:,} bytes")


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(content[at : at + 10]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("the footer of its index is damaged")
