"""Reads a `tf.train.SequenceExample` without TensorFlow: the way back from `vatt.prepare.sequence_example`.

A `tf.train.Example` reads as a SequenceExample that has a context only: its one field, `features`, has the
number and the type of `context`. Field numbers are those of tensorflow/core/example/example.proto and
feature.proto. Nothing is trusted: whatever does not fit is an `ExampleError`, never a crash or a loop.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5  # protobuf wire types
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT = 10  # bytes: 64 bits in groups of seven

Values = list[bytes] | list[int] | np.ndarray  # BytesList, Int64List, FloatList (float32)


class ExampleError(ValueError):
    """Bytes that are no SequenceExample; says where they stop making sense."""


class Example(NamedTuple):
    """A parsed SequenceExample.

    Attributes:
        context: feature name -> values of the whole clip; an empty list for a feature of no kind.
        frames: feature name -> one list of values per frame.
    """

    context: dict[str, Values]
    frames: dict[str, list[Values]]


def parse(serialised: bytes) -> Example:
    """Parses a serialised SequenceExample or Example.

    Raises:
        ExampleError: the bytes are neither.
    """
    example = Example({}, {})
    for number, content in _fields(memoryview(serialised)):
        if number == 1:
            example.context.update((name, _values(feature)) for name, feature in _entries(content))
        elif number == 2:
            for name, steps in _entries(content):
                example.frames[name] = [_values(feature) for n, feature in _fields(steps) if n == 1]
    return example


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """The number at a place and the place behind it."""
    value = 0
    for place, byte in enumerate(data[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise ExampleError(f"a number is cut off at byte {at} of a message of {len(data)} bytes")


def _fields(data: memoryview | int) -> Iterator[tuple[int, memoryview | int]]:
    """(field number, content) of a message: an int for a varint, bytes for everything else."""
    if isinstance(data, int):
        raise ExampleError("a number stands where a message should be")
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            content, at = _varint(data, at)
            yield number, content
            continue
        if kind == _LENGTH_DELIMITED:
            size, at = _varint(data, at)
        elif kind in _FIXED_BYTES:
            size = _FIXED_BYTES[kind]
        else:
            raise ExampleError(f"unknown wire type {kind} before byte {at}")
        if number == 0 or size > len(data) - at:
            raise ExampleError(
                f"field {number} claims {size} bytes at byte {at} of a message of {len(data)} bytes"
            )
        yield number, data[at : at + size]
        at += size


def _entries(data: memoryview | int) -> Iterator[tuple[str, memoryview]]:
    """(key, value) of a map<string, Message>, field 1 of both Features and FeatureLists."""
    for number, entry in _fields(data):
        if number != 1:
            continue
        fields = dict(_fields(entry))
        key, value = fields.get(1, memoryview(b"")), fields.get(2, memoryview(b""))
        if isinstance(key, int) or isinstance(value, int):
            raise ExampleError("a number stands where a feature or its name should be")
        yield bytes(key).decode("utf-8", "replace"), value


def _values(feature: memoryview) -> Values:
    values = []
    for number, content in _fields(feature):  # a `oneof`: the last kind counts
        items = [item for n, item in _fields(content) if n == 1]
        if number == 3:
            values = list(_integers(items))
            continue
        if any(isinstance(item, int) for item in items):
            raise ExampleError("a number stands where bytes should be")
        if number == 1:
            values = [bytes(item) for item in items]
        elif number == 2:  # packed, or one by one: the bytes are the same
            packed = b"".join(items)
            if len(packed) % 4:
                raise ExampleError(f"a list of floats has {len(packed)} bytes, no multiple of 4")
            values = np.frombuffer(packed, "<f4")
    return values


def _integers(items) -> Iterator[int]:
    """Signed 64-bit integers, packed or one by one."""
    for item in items:
        if isinstance(item, int):
            yield _signed(item)
            continue
        at = 0
        while at < len(item):
            value, at = _varint(item, at)
            yield _signed(value)


def _signed(value: int) -> int:
    """Two's complement of 64 bits."""
    value &= 0xFFFFFFFFFFFFFFFF
    return value - (1 << 64) if value >> 63 else value
